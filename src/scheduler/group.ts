import { SwarmError } from '../domain/errors.ts';
import { taskId } from '../domain/task-id.ts';
import type { TaskSpec } from '../domain/task.ts';
import type { Step } from './step.ts';
import { numberOf, submitBatch, type SubmitRules } from './submit.ts';

export interface NewGroup {
  /** Of the plan; a second group of the name is called `name-2`. */
  name: string;
  /** Idempotency: a second submit with the same key returns the first group. */
  key?: string | undefined;
  /** By their names in the plan, under which they name each other. */
  tasks: readonly (readonly [name: string, spec: TaskSpec])[];
}

export interface SubmittedGroup {
  group: string;
  tasks: { name: string; id: string }[];
  /** True when its key named a stored group. */
  existing: boolean;
}

export function submitGroup(step: Step, { name, key, tasks }: NewGroup, rules: SubmitRules): SubmittedGroup {
  const { groups } = step.tables;
  const known = key === undefined ? undefined : groups.byKey(key);
  if (known !== undefined) return { ...groupOf(step, known), existing: true };
  const keyed = tasks.find(([, spec]) => spec.key !== undefined);
  if (keyed !== undefined) throw refused(`${keyed[0]} has a key of its own.`, 'Give the group the key.');
  const names = tasks.map(([each]) => each);
  if (new Set(names).size < names.length) {
    const twice = names.find((each, place) => names.indexOf(each) !== place);
    throw refused(`Two tasks are called ${twice}.`, 'Give each a name of its own.');
  }
  const group = freeName(step, name);
  const added = submitBatch(
    step,
    tasks.map(([, spec]) => spec),
    rules,
    names,
  );
  const members = added.map(({ id }, place) => ({ task: numberOf(id), name: names[place] ?? id }));
  groups.insert(group, key ?? null, members, step.now);
  return { ...groupOf(step, group), existing: false };
}

function groupOf(step: Step, group: string): Pick<SubmittedGroup, 'group' | 'tasks'> {
  return { group, tasks: step.tables.groups.members(group).map(({ task, name }) => ({ name, id: taskId(task) })) };
}

function refused(message: string, hint: string): SwarmError {
  return new SwarmError('bad-task', message, { hint, exitCode: 2 });
}

function freeName(step: Step, name: string): string {
  const { groups } = step.tables;
  if (!groups.has(name)) return name;
  let n = 2;
  while (groups.has(`${name}-${n}`)) n += 1;
  return `${name}-${n}`;
}
