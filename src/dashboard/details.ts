import type { Agent, NeedsYou } from '../api/agents/schemas.ts';
import type { EventDocument } from '../api/events/schemas.ts';
import type { Task } from '../domain/task-document.ts';
import type { PaneName } from './keys.ts';
import type { Model } from './model.ts';
import { money, wrap } from './text.ts';
import { needsYouText } from './rows.ts';
import { needsYouKey } from './ui.ts';

/** The full text about one row, by its pane and key. */
export function detailLines(pane: PaneName, key: string, model: Model, columns: number): string[] {
  const lines = textOf(pane, key, model, columns);
  return (lines ?? ['It is gone.']).flatMap((line) => wrap(line, columns));
}

function textOf(pane: PaneName, key: string, model: Model, columns: number): string[] | null {
  switch (pane) {
    case 'needs-you': {
      const item = model.status?.needsYou.find((one) => needsYouKey(one) === key);
      return item === undefined ? null : needsYouDetails(item, columns);
    }
    case 'agents': {
      const agent = model.status?.agents.find(({ id }) => id === key);
      return agent === undefined ? null : agentDetails(agent);
    }
    case 'tasks': {
      const task = model.tasks.find(({ id }) => id === key);
      return task === undefined ? null : taskDetails(task);
    }
    case 'events': {
      const event = model.events.find(({ id }) => String(id) === key);
      return event === undefined ? null : eventDetails(event);
    }
  }
}

function needsYouDetails(item: NeedsYou, columns: number): string[] {
  const tool = item.tool === undefined ? '' : ` (${item.tool})`;
  const head = `${item.agent} asks: ${item.kind}${tool}, since ${when(item.since)}${item.task === null ? '' : `, task ${item.task}`}`;
  return [head, '', ...item.text.split('\n'), '', ...needsYouText({ ...item, text: '' }, columns)];
}

function agentDetails(agent: Agent): string[] {
  return fields([
    ['agent', agent.id],
    ['status', `${agent.status} since ${when(agent.since)}`],
    ['why', agent.reason],
    ['task', agent.task],
    ['role', `${agent.role} (${agent.kind})`],
    ['permission mode', agent.permissionMode ?? null],
    ['worktree', agent.worktree],
    ['branch', agent.branch],
    ['checkpoint', agent.checkpoint],
    ['conversation', agent.sessionId],
    ['cost', money(agent.costUsd)],
    ['tokens', agent.tokens === 0 ? null : agent.tokens],
    ['context', agent.contextPercent === null ? null : `${Math.round(agent.contextPercent)} %`],
    ['restarts', agent.restarts],
    ['process', agent.pid],
  ]);
}

function taskDetails(task: Task): string[] {
  const attempts = task.attempts.map((attempt) => {
    const end = attempt.endedAt === null ? 'under way' : `${attempt.outcome ?? 'ended'} ${when(attempt.endedAt)}`;
    return `  ${attempt.n}. ${attempt.agent}, ${when(attempt.startedAt)}, ${end}${attempt.error === null ? '' : `: ${attempt.error}`}`;
  });
  return [
    ...fields([
      ['task', `${task.id}: ${task.title}`],
      ['state', task.state],
      ['why', task.reason],
      ['priority', task.priority],
      ['after', task.after.join(', ')],
      ['on', task.on],
      ['needs', task.needs.join(', ')],
      ['agent', task.agent],
      ['command', task.command?.join(' ') ?? null],
      ['result', task.result?.summary ?? null],
      ['branch', task.result?.branch ?? null],
      ['cost', money(task.result?.costUsd ?? 0)],
    ]),
    ...(attempts.length === 0 ? [] : ['', 'attempts', ...attempts]),
    ...(task.prompt === null ? [] : ['', 'prompt', ...task.prompt.split('\n').map((line) => `  ${line}`)]),
  ];
}

function eventDetails(event: EventDocument): string[] {
  return [
    ...fields([
      ['event', `${event.id} ${event.name}`],
      ['at', when(event.at)],
      ['agent', event.agent],
      ['task', event.task],
    ]),
    '',
    ...JSON.stringify(event.data, null, 2).split('\n'),
  ];
}

function fields(entries: readonly (readonly [string, string | number | null])[]): string[] {
  return entries.flatMap(([name, value]) => {
    if (value === null || value === '') return [];
    const [first = '', ...more] = String(value).split('\n');
    return [`${name.padEnd(13)} ${first}`, ...more.map((line) => `${' '.repeat(13)} ${line}`)];
  });
}

function when(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleString('sv-SE');
}
