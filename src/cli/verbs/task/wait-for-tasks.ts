import type { SwarmClient } from '../../../api/client.ts';
import type { EventDocument } from '../../../api/events/schemas.ts';
import type { NeedsYou } from '../../../api/agents/schemas.ts';
import type { Task } from '../../../domain/task-document.ts';
import { SwarmError } from '../../../domain/errors.ts';
import { isEvent } from '../../../domain/events.ts';
import { FINAL_STATES } from '../../../domain/task.ts';
import { pause, systemClock } from '../../../lib/clock.ts';
import { formatDuration, parseDuration } from '../../../lib/duration.ts';
import type { Context } from '../../project/context.ts';
import { oneLine } from '../../say/output.ts';
import { openProject } from '../../project/project.ts';
import { needsYouLines, tellNotes } from '../../say/words.ts';

/** A supervisor that was killed is started again by its agents' wrappers within seconds. */
const AWAY_LIMIT_MS = 60_000;
/** Events end the wait at once; polling finds changes during a break of the stream. */
const POLL_MS = 1_000;

export async function waitForTasks(context: Context, ids: string[], options: { timeout?: string }): Promise<number> {
  const { client } = await openProject(context);
  const limit = options.timeout === undefined ? null : parseDuration(options.timeout);
  const tasks = await watchTasks(client, ids, {
    timeoutMs: limit,
    signal: context.interrupt.signal,
    onNeedsYou: (item) => {
      for (const line of needsYouLines(context.output, [item])) context.output.note(line);
    },
    onChange: (task) =>
      context.output.note(
        `task ${task.id} ${task.state}${task.reason === null ? '' : `: ${oneLine(task.reason, 120)}`}`,
      ),
    onEvent: (event) => {
      const line = checkLine(event);
      if (line !== null) context.output.note(line);
    },
  });
  const [first] = tasks;
  context.output.document(tasks.length === 1 ? first : { tasks });
  const open = tasks.filter((task) => !FINAL_STATES.includes(task.state));
  if (open.length > 0) {
    context.output.note(`not ended within ${formatDuration(limit ?? 0)}: ${open.map((task) => task.id).join(', ')}`);
    return 3;
  }
  for (const { id, state, result } of tasks) {
    context.output.line(
      `${id} ${state}${result === null || result.summary === '' ? '' : `: ${oneLine(result.summary, 200)}`}`,
    );
    tellNotes(context.output, result?.notes);
  }
  return tasks.every((task) => task.state === 'done') ? 0 : 1;
}

/** A line about a failed check, which would otherwise look like a task that runs again. Pure. */
export function checkLine(event: EventDocument): string | null {
  const { task } = event;
  if (!isEvent(event, 'task.verified') || event.data.ok) return null;
  const { exit, followUp, of } = event.data;
  const then = followUp === undefined ? 'no follow-up is left' : `follow-up ${followUp} of ${of ?? '?'}`;
  return `task ${task ?? '?'} check failed (${exit}): ${then}`;
}

export interface WatchOptions {
  /** Null: for ever. */
  timeoutMs: number | null;
  signal: AbortSignal;
  /** Called with the first view of each task and whenever its state or reason changes. */
  onChange(task: Task): void;
  /** Called with the events of the tasks meanwhile; best effort. */
  onEvent?(event: EventDocument): void;
  /** Called once for each question that holds up one of the tasks: the person who waits may be the one who is asked. */
  onNeedsYou?(item: NeedsYou): void;
}

/**
 * Waits until all tasks have ended, or the time is over.
 * @returns the tasks in their last state. Survives a supervisor that restarts.
 * @throws SwarmError `unknown-task`, `supervisor-down` (away for longer than a minute); the signal's reason
 */
export async function watchTasks(client: SwarmClient, ids: readonly string[], options: WatchOptions): Promise<Task[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const bell = new Bell();
  // The person may have typed `3` or a key; events and questions say `t3`.
  const watched = new Set<string>();
  const listening = listen(client, signal, (event) => {
    if (event.task === null) return;
    bell.ring();
    if (watched.has(event.task)) options.onEvent?.(event);
  });
  const deadline = options.timeoutMs === null ? Number.POSITIVE_INFINITY : performance.now() + options.timeoutMs;
  const seen = new Map<string, string>();
  const asked = new Set<string>();
  let met = false;
  let goneSince: number | null = null;
  try {
    for (;;) {
      const tasks = await readTasks(client, ids).catch((error: unknown) => {
        // A supervisor that was never reached is not up; one that was reached may come back.
        if (!met || !isAway(error)) throw error;
        goneSince ??= performance.now();
        if (performance.now() - goneSince > AWAY_LIMIT_MS) throw error;
        return null;
      });
      if (tasks !== null) {
        met = true;
        goneSince = null;
        for (const task of tasks) {
          watched.add(task.id);
          const view = `${task.state} ${task.reason ?? ''}`;
          if (seen.get(task.id) !== view) options.onChange(task);
          seen.set(task.id, view);
        }
        if (tasks.every((task) => FINAL_STATES.includes(task.state)) || performance.now() >= deadline) return tasks;
        if (options.onNeedsYou !== undefined) await tellQuestions(client, watched, asked, options.onNeedsYou);
      } else if (performance.now() >= deadline) {
        throw new SwarmError('timeout', 'the supervisor was away when the time was over', {
          hint: 'Run `swarm status`.',
          exitCode: 3,
        });
      }
      await bell.wait(Math.min(POLL_MS, Math.max(0, deadline - performance.now())), signal);
    }
  } finally {
    stop.abort();
    await listening;
  }
}

function readTasks(client: SwarmClient, ids: readonly string[]): Promise<Task[]> {
  return Promise.all(ids.map((id) => client.tasks.show({ id })));
}

/** Best effort: the next look at the tasks notices a supervisor that is away. */
async function tellQuestions(
  client: SwarmClient,
  tasks: ReadonlySet<string>,
  asked: Set<string>,
  tell: (item: NeedsYou) => void,
): Promise<void> {
  const status = await client.status.show().catch((error: unknown) => {
    if (isAway(error)) return null;
    throw error;
  });
  for (const item of status?.needsYou ?? []) {
    const key = `${item.agent} ${item.id}`;
    if (item.task === null || !tasks.has(item.task) || asked.has(key)) continue;
    asked.add(key);
    tell(item);
  }
}

function isAway(error: unknown): boolean {
  const codes = ['supervisor-down', 'supervisor-unreachable', 'connection-lost', 'timeout'];
  return error instanceof SwarmError && codes.includes(error.code);
}

/** Passes on each event of a stream; without a stream the polling goes on. */
async function listen(client: SwarmClient, signal: AbortSignal, take: (event: EventDocument) => void): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of client.events({ signal })) take(event);
    } catch (error) {
      if (!isAway(error)) return;
    }
    await pause(systemClock, POLL_MS, signal);
  }
}

/** A bell for one waiter: rung before the wait, it ends the next wait at once. */
class Bell {
  #rung = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const done = new AbortController();
      const rung = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([rung, pause(systemClock, ms, AbortSignal.any([signal, done.signal]))]);
      done.abort();
    }
    this.#wake = null;
    this.#rung = false;
    signal.throwIfAborted();
  }
}
