import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { NewGroup } from '../../../api/tasks/schemas.ts';
import { SwarmError, errorText } from '../../../domain/errors.ts';
import { readPlan, type Plan } from '../../../plan/read-plan.ts';
import type { Context } from '../../project/context.ts';
import { lookHere, openProject } from '../../project/project.ts';
import { waitForTasks } from './wait-for-tasks.ts';

interface RunOptions {
  var?: Map<string, string>;
  key?: string;
  dryRun?: true;
  follow?: true;
}

/** `swarm task run`. */
export async function runPlan(context: Context, name: string, options: RunOptions): Promise<number> {
  const { output } = context;
  const file = await findPlan(context, name);
  const plan = readPlan(readText(file, name), {
    file: name,
    vars: options.var ?? new Map(),
    readFile: (beside) => readFileSync(path.resolve(path.dirname(file), beside), 'utf8'),
  });
  const group = groupOf(plan, options.key);
  if (options.dryRun === true) {
    output.document(group);
    for (const { name: task, after } of plan.tasks)
      output.line(after.length === 0 ? task : `${task} after ${after.map(({ to }) => to).join(', ')}`);
    output.note(`${plan.tasks.length} tasks; nothing was added`);
    return 0;
  }
  const { client } = await openProject(context);
  const added = await client.tasks.run(group);
  if (options.follow === true) {
    output.note(`group ${added.group}, ${added.tasks.length} tasks`);
    return await waitForTasks(
      context,
      added.tasks.map(({ id }) => id),
      {},
    );
  }
  output.document(added);
  output.line(
    added.existing
      ? `group ${added.group} was there already (same key)`
      : `group ${added.group}, ${added.tasks.length} tasks added`,
  );
  for (const { name: task, id } of added.tasks) output.line(`${id} ${task}`);
  return 0;
}

/** The plan's file, links followed. What it says is run, so that it belongs to the repository as the code does. */
async function findPlan(context: Context, name: string): Promise<string> {
  const { layout, calledIn } = await lookHere(context);
  let file: string;
  try {
    file = realpathSync(path.resolve(context.cwd, name));
  } catch (cause) {
    throw unreadable(name, cause);
  }
  const inside = [layout.root, calledIn].some((root) => file.startsWith(`${root}${path.sep}`));
  if (inside) return file;
  throw new SwarmError('bad-plan', `${name} lies outside of the repository, at ${file}`, {
    hint: 'Put the plan into the repository.',
    exitCode: 2,
  });
}

function readText(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(name: string, cause: unknown): SwarmError {
  return new SwarmError('bad-plan', `${name} cannot be read: ${errorText(cause)}`, {
    hint: 'Name the YAML file of a plan.',
    cause,
    exitCode: 2,
  });
}

/** The request, with what the plan says only; the supervisor knows the defaults. Pure. */
export function groupOf({ name, tasks }: Plan, key: string | undefined): NewGroup {
  return {
    name,
    ...(key === undefined ? {} : { key }),
    tasks: tasks.map(({ after, ...task }) => ({
      ...given(task),
      after: after.map(({ to, onFailure }) => (onFailure === 'block' ? to : { task: to, onFailure })),
    })),
  };
}

function given<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Value;
}
