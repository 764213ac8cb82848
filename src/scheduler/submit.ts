import { SwarmError } from '../domain/errors.ts';
import { looseTaskNumber, taskId, taskNumber } from '../domain/task-id.ts';
import { isFinal } from '../domain/task-state.ts';
import { TASK_STATES, type FailurePolicy, type TaskSpec } from '../domain/task.ts';
import type { TaskTable } from '../store/tasks.ts';
import { nearIds, refuseCycle, unknownTask } from './dag.ts';
import { encodeLane } from './lane.ts';
import { orderKey } from './order.ts';
import { passFailureOn } from './failed-dependency.ts';
import type { Step } from './step.ts';
import { kindOf, normaliseSpec, type NormalSpec, type SpecRules } from './validate.ts';

export interface SubmitRules extends SpecRules {
  /** Most tasks that are not done, dead or cancelled. */
  maxOpen: number;
}

export interface Submitted {
  id: string;
  /** True when its key named a stored task. */
  existing: boolean;
}

interface Placed {
  spec: NormalSpec;
  n: number;
  dependencies: Edge[];
}

interface Edge {
  dep: number;
  onFailure: FailurePolicy;
}

/** Stored keys that are compared with a wrong name, at most. */
const KEYS_COMPARED = 1_000;

/**
 * Stores all tasks of the batch or none. Tasks may name each other by key, also forwards.
 * @param names under which they name each other beside that, in the order of `specs`
 */
export function submitBatch(
  step: Step,
  specs: readonly TaskSpec[],
  rules: SubmitRules,
  names: readonly string[] = [],
): Submitted[] {
  const { tasks } = step.tables;
  const inBatch = new Map<string, number>();
  const placed: Placed[] = [];
  let next = tasks.next();
  const answers = specs.map((given, place): Submitted => {
    const spec = inPlace(specs, place, () => normaliseSpec(given, rules));
    const known = spec.key === undefined ? undefined : (inBatch.get(spec.key) ?? tasks.byKey(spec.key));
    if (spec.key !== undefined) inBatch.set(spec.key, known ?? next);
    if (known !== undefined) return { id: taskId(known), existing: true };
    const name = names[place];
    if (name !== undefined) inBatch.set(name, next);
    placed.push({ spec, n: next, dependencies: [] });
    next += 1;
    return { id: taskId(next - 1), existing: false };
  });
  refuseTooMany(tasks, placed.length, rules.maxOpen);

  const first = placed[0]?.n ?? next;
  for (const task of placed) {
    const resolve = (name: string): number => inBatch.get(name) ?? resolveTask(tasks, name, [...inBatch.keys()]);
    const { spec } = task;
    const edges = new Map(spec.after.map(({ task: name, onFailure }) => [resolve(name), onFailure]));
    spec.after = [...edges].map(([dep, onFailure]) => ({ task: taskId(dep), onFailure }));
    if (spec.on !== undefined) {
      const on = resolve(spec.on);
      spec.on = taskId(on);
      // There is nothing to go on from where it is not done.
      edges.set(on, 'block');
    }
    task.dependencies = [...edges].map(([dep, onFailure]) => ({ dep, onFailure }));
  }
  refuseCycle(
    placed.map(({ dependencies }) => dependencies.flatMap(({ dep }) => (dep >= first ? [dep - first] : []))),
    (place) => names[place] ?? placed[place]?.spec.key ?? placed[place]?.spec.title ?? '?',
  );
  for (const task of placed) insert(step, task);
  passEarlierFailuresOn(step, placed);
  return answers;
}

/** Number of an existing task by id (`t12`, `12`, `#12`) or key. Throws SwarmError `unknown-task` with the nearest. */
export function resolveTask(tasks: TaskTable, text: string, alsoNear: readonly string[] = []): number {
  const n = looseTaskNumber(text);
  if (n !== undefined && tasks.get(n) !== undefined) return n;
  const keyed = tasks.byKey(text);
  if (keyed !== undefined) return keyed;
  const ids = nearIds(text).filter((id) => tasks.get(numberOf(id)) !== undefined);
  const highest = tasks.highest();
  const names = n !== undefined ? ids : [...ids, ...alsoNear, ...tasks.recentKeys(KEYS_COMPARED)];
  throw unknownTask(text, names, highest === 0 ? undefined : taskId(highest));
}

export function numberOf(id: string): number {
  const n = taskNumber(id);
  if (n === undefined)
    throw new SwarmError('unknown-task', `${JSON.stringify(id)} is no task id.`, {
      hint: 'Ids look like t12.',
      exitCode: 2,
    });
  return n;
}

function insert(step: Step, { spec, n, dependencies }: Placed): void {
  const { tasks } = step.tables;
  const blockers = dependencies.filter(({ dep }) => tasks.get(dep)?.state !== 'done').length;
  const kind = kindOf(spec);
  const agent = spec.agent ?? null;
  tasks.insert(
    {
      n,
      state: blockers === 0 ? 'ready' : 'waiting',
      lane: encodeLane({ kind, agent, needs: spec.needs, reservedFor: null }),
      order_key: orderKey(spec.priority, step.now),
      due_at: null,
      reserved_until: null,
      blockers,
      attempts: 0,
      failures: 0,
      losses: 0,
      cancelling: 0,
      note: null,
      updated_at: step.now,
    },
    {
      n,
      title: spec.title,
      kind,
      priority: spec.priority,
      command: spec.command === undefined ? null : JSON.stringify(spec.command),
      after_tasks: JSON.stringify(spec.after.map(({ task }) => numberOf(task))),
      on_task: spec.on === undefined ? null : numberOf(spec.on),
      needs: JSON.stringify(spec.needs),
      agent,
      timeout_ms: spec.timeoutMs ?? null,
      retries: spec.retries,
      verify: spec.verify ?? null,
      budget_usd: spec.budgetUsd ?? null,
      key: spec.key ?? null,
      created_at: step.now,
      prompt: spec.prompt ?? null,
    },
    dependencies.map(({ dep }) => dep),
    dependencies.flatMap(({ dep, onFailure }) =>
      onFailure === 'block' ? [] : [{ dep, task: n, on_failure: onFailure, passed: 0 }],
    ),
  );
  step.changed.add(n);
  step.record('task.submitted', n, null, { title: spec.title, priority: spec.priority });
}

/** A dependency may be dead or cancelled already. */
function passEarlierFailuresOn(step: Step, placed: readonly Placed[]): void {
  const { tasks } = step.tables;
  for (const { n, dependencies } of placed) {
    for (const { dep, onFailure } of dependencies) {
      if (onFailure === 'block') continue;
      const state = tasks.get(dep)?.state;
      if (state === 'dead' || state === 'cancelled') passFailureOn(step, { dep, task: n, on_failure: onFailure });
    }
  }
}

function refuseTooMany(tasks: TaskTable, added: number, max: number): void {
  const counts = tasks.counts();
  const open = TASK_STATES.filter((state) => !isFinal(state)).reduce((sum, state) => sum + counts[state], 0);
  if (added === 0 || open + added <= max) return;
  throw new SwarmError('too-many-tasks', `${open} tasks are open and ${added} more would pass the limit of ${max}.`, {
    hint: 'Wait until some are done, cancel what is not needed, or raise tasks.max in swarm.yaml.',
    retrySafe: true,
  });
}

/** Adds to an error which task of the batch is meant. */
function inPlace<T>(specs: readonly TaskSpec[], place: number, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof SwarmError) || specs.length === 1) throw error;
    const name = JSON.stringify((specs[place]?.title ?? '').slice(0, 60));
    throw new SwarmError(error.code, `Task ${place + 1} of ${specs.length}, ${name}: ${error.message}`, {
      hint: error.hint,
      cause: error,
      exitCode: error.exitCode,
    });
  }
}
