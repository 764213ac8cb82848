import type { EventDocument } from '../api/events/schemas.ts';
import { oneLine } from '../lib/columns.ts';
import { Feed, type Source } from './feed.ts';
import type { Model } from './model.ts';
import { needsYouKey } from './ui.ts';

/** One piece of news. */
export interface Change {
  at: string;
  /** Agent, task, `broker` or `supervisor`. */
  subject: string;
  text: string;
}

const TEXT_COLUMNS = 200;

/** The news from one model to the next; everything, the first time. Pure. */
export function changes(before: Model, after: Model, at: string): Change[] {
  return [...supervisorChange(before, after, at), ...statusChanges(before, after, at), ...taskChanges(before, after)];
}

function supervisorChange(before: Model, after: Model, at: string): Change[] {
  if (before.away === after.away) return [];
  return [
    { at, subject: 'supervisor', text: after.away === null ? 'is back' : `away: ${oneLine(after.away, TEXT_COLUMNS)}` },
  ];
}

function statusChanges(before: Model, after: Model, at: string): Change[] {
  const [was, is] = [before.status, after.status];
  if (is === null || was === is) return [];
  const change = (subject: string, text: string): Change => ({ at, subject, text });
  const why = (reason: string | null): string => (reason === null ? '' : `: ${oneLine(reason, TEXT_COLUMNS)}`);
  const open = (items: readonly { agent: string; id: string }[] | undefined): Set<string> =>
    new Set((items ?? []).map(needsYouKey));
  const [wasOpen, isOpen] = [open(was?.needsYou), open(is.needsYou)];
  return [
    ...(was?.broker.state === is.broker.state ? [] : [change('broker', is.broker.state + why(is.broker.reason))]),
    ...is.agents
      .filter((agent) => {
        const old = was?.agents.find(({ id }) => id === agent.id);
        return old?.status !== agent.status || old.reason !== agent.reason;
      })
      .map((agent) => change(agent.id, agent.status + why(agent.reason))),
    ...(was?.agents ?? [])
      .filter(({ id }) => !is.agents.some((agent) => agent.id === id))
      .map(({ id }) => change(id, 'gone')),
    ...is.needsYou
      .filter((item) => !wasOpen.has(needsYouKey(item)))
      .map((item) => change(item.agent, `needs you: ${item.kind}: ${oneLine(item.text, TEXT_COLUMNS)}`)),
    ...(was?.needsYou ?? [])
      .filter((item) => !isOpen.has(needsYouKey(item)))
      .map((item) => change(item.agent, `${item.kind} settled`)),
  ];
}

function taskChanges(before: Model, after: Model): Change[] {
  const known = before.events[0]?.id ?? Number.NEGATIVE_INFINITY;
  return after.events
    .filter(({ id, name }) => id > known && name.startsWith('task.'))
    .toReversed()
    .map(taskChange);
}

function taskChange({ at, name, agent, task, data }: EventDocument): Change {
  const why = [data['error'], data['reason']].find((value) => typeof value === 'string');
  const by = agent === null ? '' : ` (${agent})`;
  return {
    at,
    subject: task ?? 'tasks',
    text: `${name.slice('task.'.length)}${by}${why === undefined ? '' : `: ${oneLine(String(why), TEXT_COLUMNS)}`}`,
  };
}

/**
 * Prints news as lines, for terminals that cannot be painted on and for people who read lines. Runs until the signal is
 * aborted.
 */
export async function followChanges(
  source: Source,
  tell: (change: Change) => void,
  signal: AbortSignal,
): Promise<void> {
  const feed = new Feed({ source });
  let before = feed.model;
  feed.subscribe(() => {
    for (const change of changes(before, feed.model, new Date().toISOString())) tell(change);
    before = feed.model;
  });
  await feed.run(signal);
}
