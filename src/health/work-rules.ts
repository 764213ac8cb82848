import type { WrapperSnapshot } from '../coordination/link.ts';
import type { AgentStatus } from '../domain/agent.ts';
import { formatDuration } from '../lib/duration.ts';
import { awakeSince } from './awake.ts';
import { time } from './evidence.ts';
import type { HealthFacts, ScreenFact, Signs, Trouble } from './facts.ts';

/** How long the content of a screen counts, ms: it is read every few seconds while it matters. */
export const SCREEN_FRESH_MS = 20_000;
/** The wrapper limits the time of a start: only beyond several of these times the agent is stuck, ms. */
const START_MS = 60_000;
/** A person whose last key is younger than this is at the keyboard, ms. */
export const TYPING_MS = 30_000;

interface WorkVerdict {
  reason: string;
  trouble?: Trouble;
}

interface WorkRule {
  name: string;
  status: AgentStatus;
  when(snapshot: WrapperSnapshot, facts: HealthFacts, now: number): WorkVerdict | null;
}

const DIALOGS: Readonly<Partial<Record<ScreenFact, string>>> = {
  trust: 'trust: Claude Code asks in its pane whether this folder is trusted',
  login: 'login: Claude Code asks for a login in its pane',
  'api-key': 'login: Claude Code asks in its pane whether it may use an API key',
  resume: 'Claude Code asks in its pane which conversation to go on with',
  theme: 'login: Claude Code runs for the first time and asks in its pane how it should look',
  settings: 'Claude Code shows a dialog about its settings in its pane',
  'auto-mode':
    'Claude Code waits for Enter in its pane, below a notice: what permission mode auto costs behind a gateway. Another permissionMode shows none',
};

/** The troubles of an agent that should make progress, in the order of certainty. */
export const WORK_RULES: readonly WorkRule[] = [
  {
    name: 'stopped-by-signal',
    status: 'recovering',
    when: (_snapshot, { signs }) => (signs?.stopped ? { reason: `${signs.stopped}; it is let go on` } : null),
  },
  {
    name: 'suspended',
    status: 'recovering',
    when: (_snapshot, facts, now) =>
      screenOf(facts, now)?.kind === 'suspended' ? { reason: 'Ctrl-Z in its pane; it is let go on' } : null,
  },
  {
    name: 'dialog-on-screen',
    status: 'needs-you',
    when(_snapshot, facts, now) {
      const screen = screenOf(facts, now);
      const words = screen === null ? undefined : DIALOGS[screen.kind];
      return words === undefined ? null : { reason: `${words} (swarm attach)` };
    },
  },
  {
    name: 'dialog-open',
    status: 'needs-you',
    when: ({ turn }) => (turn === 'permission' ? { reason: 'a permission dialog is open in its pane' } : null),
  },
  {
    name: 'waits-in-pane',
    status: 'needs-you',
    when(snapshot, { signs }) {
      const session = signs?.session ?? null;
      if (!works(snapshot) || session?.status !== 'waiting' || session.at < (time(snapshot.turnSince) ?? 0))
        return null;
      return { reason: `Claude Code waits in its pane: ${session.waitsFor ?? 'for an answer'} (swarm attach)` };
    },
  },
  {
    name: 'loop',
    status: 'stuck',
    when(snapshot, { limits }, now) {
      const repeat = snapshot.activity?.repeat ?? null;
      if (!works(snapshot) || repeat === null || repeat.rounds < limits.loopAfter) return null;
      const what = repeat.period === 1 ? 'the same call' : `the same ${repeat.period} calls in turn`;
      return {
        reason: `loop: ${what}, ${repeat.rounds} times with the same result: ${repeat.text}`,
        trouble: { kind: 'loop', since: time(repeat.since) ?? now, at: time(repeat.at) ?? now },
      };
    },
  },
  {
    name: 'person-types',
    status: 'working',
    when: (snapshot, { signs }, now) =>
      works(snapshot) && isTyping(signs, now)
        ? { reason: `${workOf(snapshot)}; a person is typing in its pane` }
        : null,
  },
  {
    name: 'retries',
    status: 'working',
    when(snapshot, facts, now) {
      const screen = screenOf(facts, now);
      return works(snapshot) && screen?.kind === 'retrying'
        ? { reason: `${workOf(snapshot)}; the API fails: ${screen.text}` }
        : null;
    },
  },
  { name: 'no-progress', status: 'stuck', when: noProgress },
  {
    name: 'stopped-in-pane',
    status: 'held',
    when: (snapshot, { signs }) =>
      works(snapshot) && isStoppedInPane(snapshot, signs)
        ? { reason: 'draft: a person stopped its turn in the pane, and it waits for what they type' }
        : null,
  },
];

function noProgress(snapshot: WrapperSnapshot, facts: HealthFacts, now: number): WorkVerdict | null {
  // An agent whose result waits for the broker has nothing left to do.
  const isDone = snapshot.tasks.length > 0 && snapshot.tasks.every(({ phase }) => phase === 'reporting');
  if (!works(snapshot) || isDone) return null;
  const { limits, gaps = [] } = facts;
  const since = lastSign(snapshot, facts, now);
  const quiet = awakeSince(since, now, gaps);
  const least = snapshot.turn === 'starting' ? Math.max(limits.stuckAfterMs, START_MS) : limits.stuckAfterMs;
  if (quiet < least) return null;
  const { kind, words } = kindOf(snapshot, facts, now);
  const reason = `${workOf(snapshot)}: ${words.replace('%', formatDuration(quiet))}`;
  return { reason, trouble: { kind, since, at: now } };
}

/** The kind of trouble behind a silence, by what was under way when it began. */
function kindOf(
  snapshot: WrapperSnapshot,
  { signs, limits, gaps = [] }: HealthFacts,
  now: number,
): { kind: Trouble['kind']; words: string } {
  const work = signs?.work ?? null;
  const { activity } = snapshot;
  if (work !== null) {
    const began = commandBegan(snapshot, work);
    const active = work.activeAt !== null && awakeSince(work.activeAt, now, gaps) < limits.stuckAfterMs;
    const what = activity?.tool?.text ?? work.names;
    if (active) {
      const lasts = formatDuration(awakeSince(began, now, gaps));
      return { kind: 'long-command', words: `a command has run for ${lasts} (${what}), and nothing else` };
    }
    return { kind: 'hang-command', words: `a command has done nothing for % (${what})` };
  }
  if (isStoppedInPane(snapshot, signs))
    return { kind: 'abandoned', words: 'a person stopped its turn in the pane, and nothing was typed for %' };
  const tool = activity?.tool ?? null;
  if (tool !== null) return { kind: 'no-progress', words: `no sign of progress for %, since ${tool.text}` };
  const asksApi = activity !== undefined && activity.turnBegan !== null && snapshot.turn === 'busy';
  if (asksApi) return { kind: 'hang-api', words: 'no answer of the API for %' };
  return { kind: 'no-progress', words: 'no sign of progress for %' };
}

/**
 * The time of the last sign of progress. A new turn and a new phase count too; programs that cannot be observed at this
 * moment count until they were last seen.
 */
function lastSign(snapshot: WrapperSnapshot, facts: HealthFacts, now: number): number {
  const { lastProgressAt, turnSince, tasks } = snapshot;
  const { signs, limits, gaps = [] } = facts;
  const said = [lastProgressAt, turnSince, ...tasks.map(({ since }) => since)].map(time);
  const seen = [signs?.transcriptAt ?? null];
  const work = signs?.work ?? null;
  if (work !== null && awakeSince(commandBegan(snapshot, work), now, gaps) < limits.longestCommandMs)
    seen.push(work.activeAt ?? work.since);
  // An answer that arrives for longer than any command may take is no sign of progress.
  const asked = time(lastProgressAt) ?? 0;
  if (awakeSince(asked, now, gaps) < limits.longestCommandMs) seen.push(signs?.answerAt ?? null);
  if (signs?.person.attached === true) seen.push(signs.person.lastKeyAt);
  const signsOfLife = [...said, ...seen].filter((at) => at !== null);
  return Math.min(now, Math.max(...signsOfLife));
}

/**
 * When the command began: the start of its tool call, of its phase (of a check, or of a task that is a command), or
 * when it was first seen.
 */
function commandBegan({ activity, tasks, turn }: WrapperSnapshot, work: NonNullable<Signs['work']>): number {
  const told = [activity?.tool?.since ?? null, turn === 'busy' ? null : (tasks[0]?.since ?? null)].map(time);
  return Math.min(work.since, ...told.filter((at) => at !== null));
}

function screenOf({ signs }: HealthFacts, now: number): Signs['screen'] {
  const screen = signs?.screen ?? null;
  return screen !== null && now - screen.at < SCREEN_FRESH_MS ? screen : null;
}

/**
 * Whether a person has stopped the turn in the pane, by the state that Claude Code wrote down itself. A state from before
 * this turn belongs to its start, which a slow machine shows for seconds.
 */
function isStoppedInPane({ turn, turnSince }: WrapperSnapshot, signs: Signs | undefined): boolean {
  const session = signs?.session ?? null;
  return turn === 'busy' && session?.status === 'idle' && session.at >= (time(turnSince) ?? 0);
}

export function isTyping(signs: Signs | undefined, now: number): boolean {
  const { attached = false, lastKeyAt = null } = signs?.person ?? {};
  return attached && lastKeyAt !== null && Math.abs(now - lastKeyAt) < TYPING_MS;
}

/** Whether the agent should make progress. A held agent waits, also with a task in hand. */
export function works({ turn, tasks, held }: WrapperSnapshot): boolean {
  return held === null && (tasks.length > 0 || turn === 'busy' || turn === 'background');
}

export function workOf({ tasks, turn }: WrapperSnapshot): string {
  if (tasks.length > 0) return tasks.map(({ task, phase }) => `${task} ${phase}`).join(', ');
  return turn === 'background' ? 'background work goes on' : 'a turn without a task';
}
