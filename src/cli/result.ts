import type { Context } from './context.ts';
import { plain, type Output } from './output.ts';
import { openProject } from './project.ts';

export async function diff(context: Context, task: string, options: { stat?: boolean }): Promise<void> {
  const { client } = await openProject(context);
  const document = await client.diff(task);
  const { output } = context;
  output.document(document);
  const text = options.stat === true ? document.stat : document.patch;
  // Piped into `git apply` it must be the patch to the byte; on a terminal it must not steer it.
  if (!output.json && !output.isTerminal) output.stdout.write(text);
  else for (const line of plain(text).split('\n')) output.line(colour(output, line));
  if (text === '') output.note(`task ${task} changed nothing`);
}

function colour(output: Output, line: string): string {
  if (line.startsWith('@@')) return output.style('cyan', line);
  if (/^(diff |index |\+\+\+ |--- )/.test(line)) return output.style('bold', line);
  if (line.startsWith('+')) return output.style('green', line);
  return line.startsWith('-') ? output.style('red', line) : line;
}

export async function merge(context: Context, task: string, options: { into?: string }): Promise<void> {
  const { client } = await openProject(context);
  const done = await client.merge(task, options.into);
  const { output } = context;
  output.document(done);
  output.line(
    done.merged
      ? `task ${done.task} is in ${done.into} (${done.before.slice(0, 8)} → ${done.after.slice(0, 8)}); to undo: git reset --keep ${done.before.slice(0, 12)} (on ${done.into})`
      : `${done.into} already holds task ${done.task}`,
  );
}
