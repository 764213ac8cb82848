import { Option } from 'commander';
import type { SwarmClient } from '../../api/client.ts';
import type { EventDocument } from '../../api/events/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import { parseDuration } from '../../lib/duration.ts';
import type { Context } from '../project/context.ts';
import { eventLine } from '../say/event-line.ts';
import { openProject } from '../project/project.ts';
import { readWhetherUp } from '../project/read-up-or-down.ts';
import { integer } from '../verb/values.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'what happened, and with --follow what happens',
  description: 'Prints what happened, one line each (the last 100, or all since a moment), and with --follow goes on.',
  options: [
    new Option('-f, --follow', 'go on with what happens from now on'),
    new Option('--since <id|duration>', 'after the event of this id, or in the last 30m, 2h, …'),
    new Option('--agent <agent>', 'only of this agent'),
    new Option('--task <task>', 'only of this task'),
    new Option('-n, --lines <n>', 'at most so many of the past').argParser(integer(0, 1_000_000)),
  ],
  run: events,
};

const PAGE = 1_000;
/** How many past events are printed when no option says how far back. */
const DEFAULT_LINES = 100;

export interface EventFilter {
  agent?: string | undefined;
  task?: string | undefined;
}

interface EventsOptions extends EventFilter {
  follow?: boolean;
  since?: string;
  lines?: number;
}

/** The beginning of the history: after this id, and not before this moment (ms). */
export interface Since {
  id: number;
  at: number;
}

async function events(context: Context, options: EventsOptions): Promise<void> {
  const since = readSince(options.since, Date.now());
  const { signal } = context.interrupt;
  const { output } = context;
  const print = (event: EventDocument): void => {
    if (output.json) output.document(event);
    else output.line(eventLine(event, output, new Date()));
  };
  const most = options.lines ?? (options.since === undefined ? DEFAULT_LINES : Number.POSITIVE_INFINITY);
  const history = (source: Pick<SwarmClient, 'eventsAfter'>) => readHistory(source, since, options, most, signal);
  if (options.follow === true) {
    const { client } = await openProject(context);
    const { events: past, last } = await history(client);
    for (const event of past) print(event);
    await follow(context, client, last, (event) => matches(event, options) && print(event));
    return;
  }
  const { events: past } = await readWhetherUp(context, history, history);
  for (const event of past) print(event);
  if (past.length === 0) output.note('no such event yet');
}

/** Parses `--since`: the id of an event, or a duration before now. @throws SwarmError `bad-since` */
export function readSince(text: string | undefined, now: number): Since {
  if (text === undefined) return { id: 0, at: 0 };
  if (/^\d+$/.test(text)) return { id: Number(text), at: 0 };
  try {
    return { id: 0, at: now - parseDuration(text) };
  } catch (cause) {
    throw new SwarmError('bad-since', `--since ${text}: that is neither the id of an event nor a duration`, {
      hint: 'Give an id such as 1234, or a duration such as 30m or 2h.',
      exitCode: 2,
      cause,
    });
  }
}

/** Whether an event passes the filter; one with an agent and a task belongs to both. Pure. */
export function matches(event: EventDocument, filter: EventFilter): boolean {
  return (filter.agent ?? event.agent) === event.agent && (filter.task ?? event.task) === event.task;
}

/**
 * Reads the history page by page, so that a long one costs neither side much memory.
 * @returns the last `most` matching events
 */
export async function readHistory(
  client: Pick<SwarmClient, 'eventsAfter'>,
  since: Since,
  filter: EventFilter,
  most: number,
  signal: AbortSignal,
): Promise<{ events: EventDocument[]; last: number }> {
  let found: EventDocument[] = [];
  let last = since.id;
  for (;;) {
    signal.throwIfAborted();
    const page = await client.eventsAfter(last, PAGE);
    last = page.at(-1)?.id ?? last;
    const good = page.filter((event) => matches(event, filter) && (since.at === 0 || Date.parse(event.at) >= since.at));
    found = [...found, ...good].slice(most === 0 ? Number.MAX_SAFE_INTEGER : -most);
    if (page.length < PAGE) return { events: found, last };
  }
}

/**
 * Prints events until Ctrl-C, or until swarm goes down. Waits for a supervisor that died; no event is missed or printed
 * twice.
 */
export async function follow(
  context: Context,
  client: SwarmClient,
  from: number,
  take: (event: EventDocument) => void,
): Promise<void> {
  const { signal } = context.interrupt;
  let last = from;
  const pass = (event: EventDocument): void => {
    if (event.id <= last) return;
    last = event.id;
    take(event);
  };
  while (!signal.aborted) {
    try {
      for await (const event of client.events({ lastEventId: last, signal })) pass(event);
    } catch (error) {
      if (!(error instanceof SwarmError) || !AWAY.has(error.code)) throw error;
    }
    if (signal.aborted) return;
    try {
      // The stream repeats only the newest missed events. This call waits for a supervisor that is being restarted.
      const { events: missed } = await readHistory(client, { id: last, at: 0 }, {}, Number.POSITIVE_INFINITY, signal);
      for (const event of missed) pass(event);
    } catch (error) {
      if (!(error instanceof SwarmError)) throw error;
      // On its way down, which may take long: whether it comes back is not known yet.
      if (error.code === 'supervisor-unreachable') continue;
      if (error.code !== 'supervisor-down') throw error;
      context.output.note('swarm went down');
      return;
    }
  }
}

const AWAY = new Set(['supervisor-down', 'connection-lost', 'timeout']);
