import { Option } from 'commander';
import type { Task } from '../../../domain/task-document.ts';
import { TASK_STATES, type TaskState } from '../../../domain/task.ts';
import type { Context } from '../../project/context.ts';
import { readWhetherUp } from '../../project/read-up-or-down.ts';
import { oneLine, table, type Cell, type Output } from '../../say/output.ts';
import { ago, taskCell } from '../../say/words.ts';
import { integer } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const ls: Verb = {
  summary: 'list the tasks',
  options: [
    new Option('--state <state>', 'only these').choices(TASK_STATES),
    new Option('--limit <n>', 'at most so many').argParser(integer(1, 100_000)).default(50),
  ],
  run: listTasks,
};

async function listTasks(context: Context, { state, limit }: { state?: TaskState; limit: number }): Promise<void> {
  const { output } = context;
  const tasks = await readWhetherUp(
    context,
    (client) => client.tasks.list({ state, limit }),
    (rest) => rest.tasks({ state, limit }),
  );
  output.document(tasks);
  if (tasks.length === 0)
    output.line(state === undefined ? `no tasks; add one: ${output.command} task add "…"` : `no task is ${state}`);
  else for (const line of taskTable(output, tasks)) output.line(line);
  if (tasks.length === limit) output.note(`There may be more than these ${limit}: --limit N.`);
}

function taskTable(output: Output, tasks: readonly Task[]): string[] {
  const now = Date.now();
  const rows = tasks.map((task): Cell[] => [
    task.id,
    taskCell(task.state),
    task.priority === 'normal' ? '' : task.priority,
    task.attempts.at(-1)?.agent ?? task.agent ?? '',
    ago(task.createdAt, now),
    oneLine(task.title, 50),
    oneLine(task.reason ?? '', 50),
  ]);
  return table(output, ['TASK', 'STATE', 'PRIORITY', 'AGENT', 'AGE', 'TITLE', 'WHY'], rows);
}
