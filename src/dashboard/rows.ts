import type { Agent, NeedsYou } from '../api/agents/schemas.ts';
import type { EventDocument } from '../api/events/schemas.ts';
import type { Task } from '../domain/task-document.ts';
import type { AgentStatus } from '../domain/agent.ts';
import type { TaskState } from '../domain/task.ts';
import { width } from '../lib/columns.ts';
import { clock, money, tableLines, wrap, type Column, type Paint, type Style } from './text.ts';
import { needsYouKey } from './ui.ts';

/** How the rows of each pane read. Pure: one line of text each. */
export interface Look {
  columns: number;
  paint: Paint;
  now: Date;
}

const AGENT_STYLE: Partial<Record<AgentStatus, Style>> = {
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

/** On narrower terminals the cost of an agent gives way to the reason of its status. */
const WIDE_COLUMNS = 100;

export function agentRows(agents: readonly Agent[], look: Look): string[] {
  const wide: Column<Agent>[] = [
    { most: 8, cell: (agent) => money(agent.costUsd) },
    { most: 4, cell: (agent) => (agent.contextPercent === null ? '' : `${Math.round(agent.contextPercent)}%`) },
  ];
  const columns: Column<Agent>[] = [
    { most: 24, cell: ({ id }) => id },
    { most: 10, cell: ({ status }) => status, style: ({ status }) => AGENT_STYLE[status] },
    { most: 5, cell: ({ since }) => clock(since, look.now), style: () => 'dim' },
    { most: 8, cell: ({ task }) => task ?? '' },
    ...(look.columns >= WIDE_COLUMNS ? wide : []),
    { most: 5, cell: ({ restarts }) => (restarts === 0 ? '' : `↻${restarts}`) },
    // The status before says that it works on its task.
    {
      most: 0,
      cell: ({ reason, task }) => (reason === null || reason === `${task} running` ? '' : reason),
      style: () => 'dim',
    },
  ];
  return tableLines(agents, columns, look.columns, look.paint);
}

export function taskRows(tasks: readonly Task[], look: Look): string[] {
  return tableLines(
    tasks,
    [
      { most: 8, cell: ({ id }) => id },
      { most: 9, cell: ({ state }) => state, style: ({ state }) => TASK_STYLE[state] },
      { most: 14, cell: (task) => task.attempts.at(-1)?.agent ?? '' },
      { most: 8, cell: ({ priority }) => (priority === 'normal' ? '' : priority), style: () => 'yellow' },
      {
        most: 0,
        cell: ({ title, reason, state }) => (reason === null || state === 'done' ? title : `${title} · ${reason}`),
      },
    ],
    look.columns,
    look.paint,
  );
}

/** Events that should not be missed among the others. */
const LOUD = /\.(dead|died|failed|step-failed|lost|retrying|needs-you)$/;

export function eventRows(events: readonly EventDocument[], look: Look): string[] {
  return tableLines(
    events,
    [
      { most: 5, cell: ({ at }) => clock(at, look.now), style: () => 'dim' },
      { most: 20, cell: ({ name }) => name, style: ({ name }) => (LOUD.test(name) ? 'yellow' : undefined) },
      { most: 14, cell: ({ agent }) => agent ?? '' },
      { most: 8, cell: ({ task }) => task ?? '' },
      { most: 0, cell: ({ data }) => eventText(data), style: () => 'dim' },
    ],
    look.columns,
    look.paint,
  );
}

/** The data of an event, as `name=value`; a single text is shown alone. */
function eventText(data: Record<string, unknown>): string {
  const entries = Object.entries(data).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return entries
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

/** One line each; answered ones are marked. */
export function needsYouRows(items: readonly NeedsYou[], answered: readonly string[], look: Look): string[] {
  return tableLines(
    items,
    [
      { most: 24, cell: ({ agent }) => agent, style: () => 'yellow' },
      { most: 10, cell: ({ kind }) => kind },
      { most: 5, cell: ({ since }) => clock(since, look.now), style: () => 'dim' },
      { most: 8, cell: ({ task }) => task ?? '' },
      { most: 0, cell: (item) => (answered.includes(needsYouKey(item)) ? 'answered' : item.text) },
    ],
    look.columns,
    look.paint,
  );
}

/** Most columns before the text on its row. */
const TEXT_ALREADY_SHOWN = 50;

/** The rest of the selected question, below its row. */
export function needsYouText(item: NeedsYou, columns: number): string[] {
  const input = item.input === undefined || item.input === null ? [] : inputLines(item.input);
  const text = item.text.includes('\n') || width(item.text) > columns - TEXT_ALREADY_SHOWN ? item.text.split('\n') : [];
  const lines = [...text, ...input.filter((line) => !item.text.includes(line))];
  return lines.flatMap((line) => wrap(line, columns));
}

/** A tool's input for a person: a text as it is, any other value as `name: value`. */
function inputLines(input: unknown): string[] {
  if (typeof input !== 'object' || input === null) return [typeof input === 'string' ? input : JSON.stringify(input)];
  return Object.entries(input).flatMap(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return name === 'command' ? text.split('\n') : `${name}: ${text}`.split('\n');
  });
}
