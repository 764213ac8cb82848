import { DEMO_TASKS, LAST_TASK } from '../../demo/plan.ts';
import { graphLines, type GraphTask } from '../../demo/graph.ts';
import { SwarmError } from '../../domain/errors.ts';
import { waitFor } from '../../lib/wait.ts';
import type { Stage } from './stage.ts';

/** Ids of the tasks by their names in the plan. */
export type PlannedIds = Map<string, string>;

/** Prints the plan with the states of this moment. */
export async function showGraph(stage: Stage, ids: PlannedIds): Promise<void> {
  for (const line of await readGraph(stage, ids)) stage.line(line);
}

/**
 * Prints the plan, and where somebody watches keeps it up to date in its place, until all is done.
 * @throws SwarmError `demo-failed` for a task that came to nothing, `timeout`
 */
export async function watchGraph(stage: Stage, ids: PlannedIds, timeoutMs: number): Promise<void> {
  let shown: string[] = [];
  const done = async (): Promise<boolean> => {
    const lines = await readGraph(stage, ids);
    if (stage.keys !== null && lines.join('\n') !== shown.join('\n')) {
      if (shown.length > 0) stage.overwrite(`\u001B[${shown.length}A\u001B[J`);
      for (const line of lines) stage.line(line);
      shown = lines;
    }
    const tasks = await Promise.all([...ids.values()].map((id) => stage.client.task(id)));
    const lost = tasks.find(({ state }) => state === 'dead' || state === 'cancelled');
    if (lost !== undefined)
      throw new SwarmError('demo-failed', `task ${lost.id} is ${lost.state}: ${lost.reason ?? 'no reason given'}`);
    return tasks.every(({ state }) => state === 'done');
  };
  await waitFor(done, { timeoutMs, intervalMs: 200, signal: stage.signal, what: 'the tasks to be done' });
  if (stage.keys === null) await showGraph(stage, ids);
}

async function readGraph(stage: Stage, ids: PlannedIds): Promise<string[]> {
  const { needsYou } = await stage.client.status();
  const nodes = new Map<string, GraphTask>();
  for (const [name, id] of ids) {
    const { title, state, attempts } = await stage.client.task(id);
    const asks = needsYou.some(({ task }) => task === id);
    nodes.set(name, { id, title, state, agent: attempts.at(-1)?.agent ?? null, asks });
  }
  const sink = nodes.get(LAST_TASK);
  const sources = DEMO_TASKS.flatMap(({ name }) => (name === LAST_TASK ? [] : (nodes.get(name) ?? [])));
  return sink === undefined ? [] : graphLines(sources, sink, stage.paint);
}
