import { Argument } from 'commander';
import type { Task } from '../../../domain/task-document.ts';
import { FINAL_STATES } from '../../../domain/task.ts';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { readWhetherUp } from '../../project/read-up-or-down.ts';
import { oneLine, plain, type Output } from '../../say/output.ts';
import { money, sinceThen, taskCell } from '../../say/words.ts';
import type { Verb } from '../../verb/verb.ts';

export const show: Verb = {
  summary: 'show a task with its attempts and its result',
  arguments: [new Argument('<task>')],
  run: showTask,
};

async function showTask(context: Context, id: string): Promise<void> {
  const task = await readWhetherUp(
    context,
    (client) => client.tasks.show({ id }),
    (rest) => rest.task(id),
  );
  context.output.document(task);
  if (context.output.json) return;
  for (const line of taskLines(context.output, task, await whatVerifies(context, task))) context.output.line(line);
}

/** The verify command of the task, for people, also where it is the default of swarm.yaml. Null: none to show. */
async function whatVerifies(context: Context, { kind, verify, state }: Task): Promise<string | null> {
  // The exit code of a command is its verdict, and an ended task was verified by the settings at that time.
  if (verify !== null || kind === 'shell' || FINAL_STATES.includes(state)) return verify;
  const { layout } = await openProject(context);
  const { loadConfig } = await import('../../../config/index.ts');
  // `up` and `doctor` report a wrong file; here it only gives no default.
  const config = await loadConfig(layout.root).catch(() => null);
  if (config === null) return null;
  const { defaultVerify } = config;
  return defaultVerify === undefined
    ? 'nothing: neither the task nor swarm.yaml (`defaultVerify`) names a command'
    : `${defaultVerify} (the default of swarm.yaml)`;
}

function withPolicy(id: string, { onFailure }: Task): string {
  const policy = onFailure?.[id];
  return policy === undefined ? id : `${id} (${policy} when it fails)`;
}

function taskLines(output: Output, task: Task, verify: string | null = task.verify): string[] {
  const cell = taskCell(task.state);
  const state = typeof cell === 'string' ? cell : output.style(cell.style, cell.text);
  const facts: [string, string | null][] = [
    ['why', task.reason],
    ['priority', task.priority],
    ['command', task.command?.map(quoted).join(' ') ?? null],
    ['prompt', task.prompt],
    ['after', task.after.map((id) => withPolicy(id, task)).join(', ') || null],
    ['on', task.on],
    ['needs', task.needs.join(', ') || null],
    ['agent', task.agent],
    ['verify', verify],
  ];
  const { result } = task;
  const usd = result === null ? '' : money(result.costUsd);
  return [
    `${output.style('bold', task.id)} ${state} ${plain(task.title)}`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(9)} ${indent(value)}`])),
    ...task.attempts.map(({ n, agent, startedAt, outcome, errorClass, error }) => {
      // These say what the person must do.
      const whole = errorClass === 'program' || errorClass === 'repository';
      const why = error === null ? '' : `: ${whole ? indent(error) : oneLine(error, 200)}`;
      const how = `${outcome ?? 'under way'}${why}`;
      return `  attempt ${n} ${agent}, ${sinceThen(startedAt, Date.now())}: ${how}`;
    }),
    ...(result === null
      ? []
      : [`  result    ${indent(result.summary) || '(no words)'}${usd === '' ? '' : ` (${usd})`}`]),
    ...(result?.notes ?? []).map((note) => `  note      ${indent(note)}`),
    ...(result?.commit == null
      ? []
      : [
          `  commit    ${result.commit.slice(0, 12)} on ${result.branch ?? 'no branch'}`,
          `  next      ${output.command} diff ${task.id}, ${output.command} merge ${task.id}`,
        ]),
  ];
}

/** One argument as a person would type it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function indent(text: string): string {
  return plain(text)
    .trimEnd()
    .split('\n')
    .join(`\n${' '.repeat(12)}`);
}
