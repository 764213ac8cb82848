import type { Agent, NeedsYou } from '../../api/agents/schemas.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import type { TaskState } from '../../domain/task.ts';
import { formatDuration } from '../../lib/duration.ts';
import { oneLine, plain, table, type Cell, type Output, type Style } from './output.ts';

const AGENT_STYLE: Partial<Record<Agent['status'], Style>> = {
  idle: 'green',
  working: 'cyan',
  'needs-you': 'yellow',
  held: 'yellow',
  stuck: 'red',
  failed: 'red',
  stopped: 'dim',
  paused: 'dim',
};

const TASK_STYLE: Partial<Record<TaskState, Style>> = {
  running: 'cyan',
  verifying: 'cyan',
  done: 'green',
  dead: 'red',
  retrying: 'yellow',
  cancelled: 'dim',
};

function styled(text: string, style: Style | undefined): Cell {
  return style === undefined ? text : { text, style };
}

export function taskCell(state: TaskState): Cell {
  return styled(state, TASK_STYLE[state]);
}

/** Characters of a reason that the table of agents shows. */
export const WHY_CHARS = 60;

/** `5m ago`, `just now`. */
export function sinceThen(iso: string, now: number): string {
  const age = ago(iso, now);
  return age === 'now' ? 'just now' : `${age} ago`;
}

/** `1 file`, `3 files`. */
export function countOf(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** How long ago, for people. */
export function ago(iso: string | null, now: number): string {
  const at = iso === null ? Number.NaN : Date.parse(iso);
  return Number.isNaN(at)
    ? ''
    : formatDuration(Math.max(0, Math.round((now - at) / 1000) * 1000)).replace(/^0ms$/, 'now');
}

export function money(usd: number): string {
  if (usd === 0) return '';
  return usd < 0.001 ? '<$0.001' : `$${usd < 0.1 ? usd.toFixed(3) : usd.toFixed(2)}`;
}

export function agentTable(output: Output, agents: readonly Agent[], now: number): string[] {
  const rows = agents.map((agent): Cell[] => [
    agent.id,
    styled(agent.status, AGENT_STYLE[agent.status]),
    ago(agent.since, now),
    agent.task ?? '',
    agent.branch ?? '',
    agent.restarts === 0 ? '' : String(agent.restarts),
    money(agent.costUsd),
    // The status two columns before says that it works on its task.
    agent.reason === `${agent.task} running` ? '' : oneLine(agent.reason ?? '', WHY_CHARS),
  ]);
  return table(output, ['AGENT', 'STATUS', 'FOR', 'TASK', 'BRANCH', 'RESTARTS', 'COST', 'WHY'], rows);
}

/** The commands that answer a question, as they are to be typed. */
export function answersTo(item: NeedsYou, command: string, several: boolean): string[] {
  const id = several ? ` --id ${item.id}` : '';
  switch (item.kind) {
    case 'permission':
      return [`${command} answer ${item.agent} allow${id}`, `${command} answer ${item.agent} deny${id}`];
    case 'question':
      return [`${command} answer ${item.agent}${id} "your answer"`];
    case 'trust':
      return [`${command} up --trust`];
    case 'login':
    case 'settings':
      return [];
  }
}

/** All questions that wait for a person, each with the command to type. */
export function needsYouLines(output: Output, items: readonly NeedsYou[]): string[] {
  return onceEach(items).flatMap(({ item, agents }) => {
    const several = items.filter((other) => other.agent === item.agent).length > 1;
    const task = item.task === null ? '' : ` (${item.task})`;
    const text = plain(item.text).split('\n').slice(0, 6);
    return [
      `  ${output.style('yellow', agents.join(', '))}${task} ${item.kind}: ${text[0] ?? ''}`,
      ...text.slice(1).map((line) => `      ${line}`),
      ...answersTo(item, output.command, several).map((line) => `      ${output.style('bold', line)}`),
    ];
  });
}

/**
 * Questions that one act of the person settles for all agents, as a login or the trust in the repository, are listed
 * once.
 */
function onceEach(items: readonly NeedsYou[]): { item: NeedsYou; agents: string[] }[] {
  const shared = new Map<string, { item: NeedsYou; agents: string[] }>();
  for (const item of items) {
    const common = item.kind !== 'permission' && item.kind !== 'question';
    const key = common ? `${item.kind} ${item.text}` : `${item.agent} ${item.id}`;
    const known = shared.get(key);
    if (known === undefined) shared.set(key, { item, agents: [item.agent] });
    else known.agents.push(item.agent);
  }
  return [...shared.values()];
}

/** Why it is not up, cut short. */
export function brokerText({ state, reason, private: own }: StatusDocument['broker']): string {
  const why = state === 'up' || reason === null ? '' : `: ${oneLine(reason, 120)}`;
  return `broker ${state}${own ? '' : ' (yours)'}${why}`;
}

/** What is to be known of one that is up. All of it: it is said once, and names a place. */
export function brokerNote({ state, reason }: StatusDocument['broker']): string | null {
  return state === 'up' && reason !== null ? oneLine(reason, Infinity) : null;
}

/** `3 ready, 1 running, 12 done`. */
export function taskCounts(tasks: StatusDocument['tasks']): string {
  const parts = Object.entries(tasks).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'no tasks' : `tasks: ${parts.map(([state, count]) => `${count} ${state}`).join(', ')}`;
}

/** Prints what a person should know of a result or a merge. @param notes absent: a supervisor of 0.1.0 gave none */
export function tellNotes(output: Output, notes: readonly string[] | undefined): void {
  for (const note of notes ?? []) output.note(`note: ${oneLine(note, 500)}`);
}
