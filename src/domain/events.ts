import { AGENT_STATUSES, NEEDS_YOU_KINDS, type AgentStatus } from './agent.ts';
import { misfit, type DataOf, type Fields } from './event-fields.ts';
import { RUNGS } from './ladder.ts';

/** How good or bad the news is for a person: the colour of its line. */
export type Tone = 'bad' | 'attention' | 'good' | 'work' | 'note';

export interface EventEntry<D extends Fields = Fields> {
  tone: Tone;
  /** When it happens and what it means, for the table in README.md. */
  says: string;
  data: D;
}

function told<const D extends Fields>(tone: Tone, says: string, data: D): EventEntry<D> {
  return { tone, says, data };
}

const HOLDS = { account: 'text', kind: 'text' } as const;
const ATTEMPT = { attempt: 'number' } as const;
const FAILED = { ...ATTEMPT, errorClass: 'text', error: 'text | null' } as const;

/** Events of wrappers, sent over their links; the supervisor may emit them too. */
const OF_WRAPPERS = {
  'agent.needs-you': told('attention', 'It waits for a person: `swarm answer`, or what `text` says.', {
    kind: NEEDS_YOU_KINDS,
    text: 'text',
    id: 'text?',
    tool: 'text | null?',
  }),
  'agent.answered': told('note', 'That was answered; `by: policy` where no person did in time.', {
    id: 'text',
    kind: NEEDS_YOU_KINDS,
    decision: ['allow', 'deny', 'text'],
    by: 'text?',
  }),
  'agent.nudged': told('note', 'The agent was told something with its next tool call, as a rung of the ladder.', {
    text: 'text',
  }),
  'agent.restarted': told('attention', 'Its Claude Code ended and is started again in the same conversation.', {
    detail: 'text',
    restarts: 'number',
    at: 'time',
  }),
  'message.delivered': told('good', 'A message of `swarm send` is in the conversation.', { id: 'text' }),
  'message.failed': told('bad', 'A message could not be worked off; `broken-off`: it is tried again.', {
    id: 'text',
    how: 'text',
    error: 'text?',
  }),
  'task.progress': told('work', 'The agent says how far it is; `percent` where it knows.', {
    text: 'text',
    percent: 'number?',
  }),
  'task.note': told('attention', 'Something about the start of an attempt that a person should know.', {
    ...ATTEMPT,
    note: 'text',
  }),
  'task.survivors': told('bad', 'Processes of the attempt do not end; the next one waits until they have.', {
    ...ATTEMPT,
    detail: 'text',
  }),
  'task.verified': told('note', 'The verify command ran; where it failed, follow-up turn `followUp` of `of` begins.', {
    ...ATTEMPT,
    ok: 'boolean',
    exit: 'text',
    followUp: 'number?',
    of: 'number?',
  }),
  'turn.started': told('work', 'A turn of the conversation begins for this attempt.', ATTEMPT),
  'turn.ended': told('note', 'That turn is over: `ended`, `api`, `lost` or `broken-off`.', { ...ATTEMPT, how: 'text' }),
} as const;

const OF_TASKS = {
  'task.submitted': told('note', 'A task was added.', { title: 'text', priority: 'text' }),
  'task.leased': told('work', 'An agent has taken the task.', { ...ATTEMPT, slot: 'number' }),
  'task.preparing': told('work', 'Its branch and worktree are made ready.', ATTEMPT),
  'task.running': told('work', 'The agent works on it.', ATTEMPT),
  'task.verifying': told('work', 'The verify command runs.', ATTEMPT),
  'task.done': told('good', 'It is done; `commit` is the result.', {
    ...ATTEMPT,
    commit: 'text | null',
    costUsd: 'number',
  }),
  'task.retrying': told('attention', 'The attempt failed; the next one begins at `at`.', { ...FAILED, at: 'time' }),
  'task.lost': told('bad', 'The attempt was lost with its processes; it is tried again.', FAILED),
  'task.dead': told('bad', 'It is given up until `swarm task retry`.', FAILED),
  'task.released': told('note', 'An agent gave it back; it counts as no failure.', {
    ...ATTEMPT,
    reason: 'text | null',
  }),
  'task.passed-on': told('attention', 'It came to nothing with this agent; `to` may take it first.', {
    ...ATTEMPT,
    to: 'text',
    reason: 'text',
  }),
  'task.cancelling': told('attention', 'Its agent was asked to end the attempt.', ATTEMPT),
  'task.cancelled': told('attention', 'It is cancelled; `attempt` where one was under way.', { attempt: 'number?' }),
  'task.revived': told('note', 'A dead or cancelled task is to be tried again.', {}),
  'task.result.stale': told('attention', 'A result came of an attempt that counts no more: it changes nothing.', {
    ...ATTEMPT,
    outcome: 'text',
    commit: 'text | null',
    reason: 'text',
  }),
} as const;

const OF_SUPERVISOR = {
  'swarm.up': told('good', '`swarm up`: these agents, and what their tasks start from.', {
    base: { branch: 'text | null', commit: 'text' },
    agents: 'texts',
  }),
  'swarm.down': told('note', '`swarm down` was said.', {}),
  'swarm.scaled': told('note', 'The number of agents of a role has changed; `agents` came or went.', {
    role: 'text',
    from: 'number',
    to: 'number',
    agents: 'texts',
  }),
  'swarm.gap': told('attention', 'The machine slept or stood still for `ms`; no limit counts that time.', {
    ms: 'number',
  }),
  'swarm.mass-death': told('bad', 'Many agents died at once: but for one, none is started again for now.', {
    detail: 'text',
  }),
  'swarm.mass-death-over': told('good', 'They are started again.', { why: 'text' }),
  'supervisor.started': told('good', 'A supervisor is there; `epoch` counts them.', {
    epoch: 'number',
    pid: 'number',
    buildId: 'text | null',
  }),
  'supervisor.ended': told('note', 'It has ended, with `everything` also the agents.', { everything: 'boolean' }),
  'agent.started': told('good', 'Its wrapper was started in its pane.', { restarts: 'number' }),
  'agent.stopped': told('note', 'It was stopped as it was told to.', {}),
  'agent.died': told('bad', 'Its wrapper or pane ended by itself; it is put back on its feet.', { detail: 'text' }),
  'agent.failed': told('bad', 'It died too often and rests until `swarm restart`.', { detail: 'text' }),
  'agent.step-failed': told('bad', 'Starting or stopping it failed for a new reason; it is tried again.', {
    action: 'text',
    detail: 'text',
  }),
  'agent.wanted': told('note', 'A person said what it should be.', { desired: ['up', 'paused', 'stopped'] }),
  'agent.refreshed': told('note', 'It starts again with settings, or a build of swarm, that have changed.', {}),
  'agent.resumed-process': told('attention', 'A process of it was stopped by a signal, and was let go on.', {
    detail: 'text',
    pid: 'number',
  }),
  'agent.worktree': told('note', 'Its worktree was made.', { path: 'text' }),
  'agent.note': told('attention', 'Something about its worktree or set-up that a person should know.', {
    note: 'text',
  }),
  'agent.odd-event': told('attention', 'Its wrapper told something that does not fit: kept as it came, not acted on.', {
    name: 'text',
    why: 'text',
    data: 'object',
  }),
  'agent.setup.started': told('work', 'Its worktree is set up.', { what: 'text' }),
  'agent.setup.done': told('good', 'The set-up is done.', { ms: 'number' }),
  'agent.setup.failed': told('bad', 'The set-up failed; `tail` is the end of its output.', {
    detail: 'text',
    tail: 'text',
  }),
  'agent.removed': told('note', 'Agent and worktree are removed; `checkpoint` holds what was there.', {
    checkpoint: 'number | null',
  }),
  'agent.kept': told('attention', 'It was not removed, because work would be lost.', { why: 'texts' }),
  'agent.ladder.reset': told('good', 'It gets on again after this rung.', { after: RUNGS }),
  'agent.ladder.missed': told('attention', 'A rung could not be taken.', {
    rung: RUNGS,
    detail: 'text',
  }),
  'agent.limit.paused': told('attention', 'It crossed a hard limit and was paused.', { text: 'text' }),
  'account.held': told('bad', 'The API refuses an account: its agents wait, and one tries again at `until`.', {
    ...HOLDS,
    detail: 'text',
    until: 'time',
  }),
  'account.probe': told('note', 'This agent tries whether it is over.', HOLDS),
  'account.free': told('good', 'It is over; the others follow.', HOLDS),
  'budget.spent': told('attention', 'The budget of all is spent: no agent asks anything more.', {
    spentUsd: 'number',
    limitUsd: 'number',
    leftUsd: 'number',
    state: 'text',
  }),
  'budget.raised': told('note', 'A person granted as much again.', { limitUsd: 'number', text: 'text' }),
  'message.queued': told('note', 'A message of `swarm send` is kept, and on its way.', { id: 'text' }),
  'task.merged': told('good', 'The result was brought into a branch; `merged: false` where it was there already.', {
    into: 'text',
    merged: 'boolean',
  }),
  'checkpoints.pruned': told('note', 'Checkpoints were forgotten as `checkpoints.keep` says.', { count: 'number' }),
  'rollback.asked': told('note', 'A rollback to checkpoint `n` begins.', { n: 'number' }),
  'rollback.done': told(
    'good',
    'Files and conversation are those of checkpoint `n`; `safety` holds the earlier ones.',
    {
      n: 'number',
      safety: 'number | null',
      conversation: 'text',
    },
  ),
  'rollback.dropped': told('attention', 'It was not carried out, and nothing has changed.', {
    n: 'number',
    why: 'text',
  }),
  'undo.done': told('good', 'The last step of this kind was taken back.', { kind: 'text' }),
  'config.applied': told('note', 'swarm.yaml has changed: these keys count now, those `later`.', {
    version: 'text | null',
    changed: 'texts',
    later: 'texts',
  }),
  'config.refused': told('bad', 'swarm.yaml is wrong or not agreed to: the earlier settings stay in force.', {
    code: 'text',
    detail: 'text',
    hint: 'text | null',
  }),
} as const;

const BROKER_STATES = ['absent', 'installing', 'starting', 'up', 'down'] as const;

/** Names that end in one word of a list, all with the same data. */
interface EventFamily<W extends string = string, D extends Fields = Fields> extends EventEntry<D> {
  words: readonly W[];
  /** For the words whose tone differs from `tone`. */
  tones: Readonly<Partial<Record<W, Tone>>>;
}

function family<W extends string, const D extends Fields>(
  words: readonly W[],
  tones: Readonly<Partial<Record<W, Tone>>>,
  entry: EventEntry<D>,
): EventFamily<W, D> {
  return { ...entry, words, tones };
}

const STATUS_TONES: Partial<Record<AgentStatus, Tone>> = {
  idle: 'good',
  working: 'work',
  'needs-you': 'attention',
  paused: 'attention',
  held: 'attention',
  recovering: 'attention',
  stuck: 'bad',
  failed: 'bad',
};

export const EVENT_FAMILIES = {
  'agent.status': family(
    AGENT_STATUSES,
    STATUS_TONES,
    told('note', 'Its status has changed; `rule` as in `swarm explain`.', {
      from: 'text',
      reason: 'text',
      rule: 'text',
    }),
  ),
  'agent.ladder': family(
    RUNGS,
    { note: 'note', fail: 'bad' },
    told('attention', 'It is stuck, and this rung of the ladder is taken.', { cause: 'text', reason: 'text' }),
  ),
  'agent.limit': family(
    ['soft', 'hard'],
    { hard: 'bad' },
    told('attention', 'It crossed one of its `limits`.', { limit: 'text', text: 'text' }),
  ),
  broker: family(
    BROKER_STATES,
    { up: 'good', down: 'bad' },
    told('note', 'The state of RabbitMQ has changed.', {
      state: BROKER_STATES,
      url: 'text | null',
      pid: 'number | null',
      private: 'boolean',
      reason: 'text | null',
    }),
  ),
  alert: family(
    ['raised', 'recovered'],
    { recovered: 'good' },
    told('bad', 'An alert, and its end; the same trouble has the same `key`.', {
      key: 'text',
      severity: ['info', 'warning', 'critical'],
      state: ['raised', 'recovered'],
      agent: 'text | null',
      text: 'text',
      since: 'time',
      at: 'time',
    }),
  ),
} as const;

export const EVENTS = { ...OF_SUPERVISOR, ...OF_TASKS, ...OF_WRAPPERS } as const;

type Families = typeof EVENT_FAMILIES;
type Events = typeof EVENTS;
type NamesIn<F extends keyof Families> = `${F}.${Families[F]['words'][number]}`;

export type WrapperEventName = keyof typeof OF_WRAPPERS;
export type TaskEventName = keyof typeof OF_TASKS;
export type EventName = keyof Events | { [F in keyof Families]: NamesIn<F> }[keyof Families];

/** The shape of an event's data, by its name. */
export type EventMap = { [N in keyof Events]: DataOf<Events[N]['data']> } & {
  [F in keyof Families as NamesIn<F>]: DataOf<Families[F]['data']>;
};

/** The facts beside an event's name; `data` may be left out where no field of it is required. */
export type EventAbout<N extends EventName> =
  Record<never, never> extends EventMap[N] ? { data?: EventMap[N] } : { data: EventMap[N] };

/** The catalogue's entry for a name; null: it is not of this version. */
export function entryOf(name: string): EventEntry | null {
  if (Object.hasOwn(EVENTS, name)) return EVENTS[name as keyof Events];
  const found = Object.entries<EventFamily>(EVENT_FAMILIES).find(([prefix]) => name.startsWith(`${prefix}.`));
  if (found === undefined) return null;
  const [prefix, entry] = found;
  const word = name.slice(prefix.length + 1);
  return entry.words.includes(word) ? { ...entry, tone: entry.tones[word] ?? entry.tone } : null;
}

/** Takes an event for one of this version by its name, to read its data. */
export function isEvent<N extends EventName>(
  event: { name: string; data: Readonly<Record<string, unknown>> },
  ...names: readonly N[]
): event is { name: N; data: EventMap[N] & Record<string, unknown> } {
  return names.some((name) => name === event.name && misfit(entryOf(name)?.data ?? {}, event.data) === null);
}

const NAME = /^[a-z][a-z-]*(\.[a-z][a-z-]*)+$/;
const LONGEST_NAME = 60;

/**
 * Why a wrapper's event is refused; null: it is accepted. A name that this version does not know comes from a later
 * version's wrapper and is accepted, except names that belong to the supervisor alone.
 */
export function wrapperMisfit(name: string, data: Readonly<Record<string, unknown>>): string | null {
  if (Object.hasOwn(OF_WRAPPERS, name)) return misfit(OF_WRAPPERS[name as WrapperEventName].data, data);
  const families = Object.keys(EVENT_FAMILIES);
  if (entryOf(name) !== null || families.some((prefix) => name.startsWith(`${prefix}.`)))
    return 'only the supervisor says that';
  return NAME.test(name) && name.length <= LONGEST_NAME ? null : 'that is no name of an event';
}
