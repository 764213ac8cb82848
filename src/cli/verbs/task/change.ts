import { Argument } from 'commander';
import type { Task } from '../../../domain/task-document.ts';
import { SwarmError } from '../../../domain/errors.ts';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import type { Verb } from '../../verb/verb.ts';

export const cancel: Verb = {
  summary: 'cancel tasks',
  arguments: [new Argument('<task...>')],
  run: cancelTasks,
};

export const retry: Verb = {
  summary: 'try dead or cancelled tasks again',
  arguments: [new Argument('<task...>')],
  run: retryTasks,
};

async function cancelTasks(context: Context, ids: string[]): Promise<void> {
  await each(context, ids, (client, id) => client.tasks.cancel({ id }));
}

async function retryTasks(context: Context, ids: string[]): Promise<void> {
  await each(context, ids, (client, id) => client.tasks.retry({ id }));
}

type Client = Awaited<ReturnType<typeof openProject>>['client'];

async function each(
  context: Context,
  ids: readonly string[],
  order: (client: Client, id: string) => Promise<Task>,
): Promise<void> {
  const { client } = await openProject(context);
  const done: Task[] = [];
  for (const id of ids) {
    const task = await order(client, id).catch((error: unknown) => {
      if (done.length === 0 || !(error instanceof SwarmError)) throw error;
      const { code, message, hint, exitCode, retrySafe } = error;
      throw new SwarmError(code, `${message} (done for ${done.map((one) => one.id).join(', ')})`, {
        hint,
        exitCode,
        retrySafe,
        cause: error,
      });
    });
    done.push(task);
    context.output.line(`task ${task.id}: ${task.state}`);
  }
  context.output.document(done.length === 1 ? done[0] : { tasks: done });
}
