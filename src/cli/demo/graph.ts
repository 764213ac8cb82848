import { DEMO_TASKS, LAST_TASK } from '../../demo/plan.ts';
import { graphLines, type GraphTask } from '../../demo/graph.ts';
import { SwarmError } from '../../domain/errors.ts';
import { waitFor } from '../../lib/wait.ts';
import type { Stage } from './stage.ts';

/** Ids of the tasks by their names in the plan. */
export type PlannedIds = Map<string, string>;

/** Wider than any line of the plan: a wrapped line could not be overwritten. */
const GRAPH_COLUMNS = 80;
const WORK_TIMEOUT_MS = 90_000;

/** Prints the plan with the present states. */
export async function showGraph(stage: Stage, ids: PlannedIds): Promise<void> {
  for (const line of await readGraph(stage, ids)) stage.line(line);
}

/**
 * Waits until all tasks are done. Where a person watches on a wide enough terminal, the plan is printed and kept up to
 * date in its place; else the output of `swarm task wait` for the last task, then the plan.
 * @throws SwarmError `demo-failed` for a task that came to nothing, `timeout`
 */
export async function watchGraph(stage: Stage, ids: PlannedIds, last: string): Promise<void> {
  if (stage.keys === null || stage.columns < GRAPH_COLUMNS) {
    await stage.show('task', 'wait', last, '--timeout', '90s');
    await showGraph(stage, ids);
    return;
  }
  stage.typed('swarm', 'task', 'wait', last);
  let shown: string[] = [];
  const done = async (): Promise<boolean> => {
    const lines = await readGraph(stage, ids);
    if (lines.join('\n') !== shown.join('\n')) {
      if (shown.length > 0) stage.overwrite(`\u001B[${shown.length}A\u001B[J`);
      for (const line of lines) stage.line(line);
      shown = lines;
    }
    const tasks = (await stage.client.tasks.list()).filter(({ id }) => [...ids.values()].includes(id));
    const lost = tasks.find(({ state }) => state === 'dead' || state === 'cancelled');
    if (lost !== undefined)
      throw new SwarmError('demo-failed', `task ${lost.id} is ${lost.state}: ${lost.reason ?? 'no reason given'}`);
    return tasks.every(({ state }) => state === 'done');
  };
  await waitFor(done, {
    timeoutMs: WORK_TIMEOUT_MS,
    intervalMs: 200,
    signal: stage.signal,
    what: 'the tasks to be done',
  });
}

async function readGraph(stage: Stage, ids: PlannedIds): Promise<string[]> {
  const [{ needsYou }, tasks] = await Promise.all([stage.client.status.show(), stage.client.tasks.list()]);
  const nodes = new Map<string, GraphTask>();
  for (const [name, wanted] of ids) {
    const task = tasks.find((one) => one.id === wanted);
    if (task === undefined) continue;
    const { id, title, state, attempts } = task;
    const asks = needsYou.some(({ task }) => task === id);
    nodes.set(name, { id, title, state, agent: attempts.at(-1)?.agent ?? null, asks });
  }
  const sink = nodes.get(LAST_TASK);
  const sources = DEMO_TASKS.flatMap(({ name }) => (name === LAST_TASK ? [] : (nodes.get(name) ?? [])));
  return sink === undefined ? [] : graphLines(sources, sink, stage.paint);
}
