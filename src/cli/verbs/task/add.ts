import { Argument, InvalidArgumentError, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { NewTask } from '../../../api/tasks/schemas.ts';
import { SwarmError, errorText } from '../../../domain/errors.ts';
import { PRIORITIES, type Priority } from '../../../domain/task.ts';
import { parseDuration } from '../../../lib/duration.ts';
import type { Context } from '../../project/context.ts';
import { oneLine } from '../../say/output.ts';
import { openProject } from '../../project/project.ts';
import { splitCommandLine, type CommandLine } from '../../verb/command-line.ts';
import { readAll } from '../../project/stdin.ts';
import { integer } from '../../verb/values.ts';
import type { Verb } from '../../verb/verb.ts';

export const add: Verb = {
  summary: 'add a task',
  arguments: [
    new Argument('<title>'),
    new Argument(
      '[rest...]',
      '- reads the prompt from stdin; after -- comes the argv of a shell task, as after --command',
    ),
  ],
  options: [
    new Option('--prompt <text>', 'what the agent is told; the title serves where nothing is said'),
    new Option('--prompt-file <file>', 'the same, from a file'),
    new Option('--priority <priority>').choices(PRIORITIES),
    new Option('--after <id...>', 'only when these are done; their code is merged in'),
    new Option('--on <id>', 'go on from the tip of this task'),
    new Option('--needs <capability...>', 'only for agents that have these'),
    new Option('--agent <id>', 'only for this agent'),
    // Taken out before commander reads the rest (command-line.ts); declared for help, completion, and the error without
    // a value.
    new Option(
      '--command <argv...>',
      'run this instead of asking a model: a program and its arguments, to the end of line',
    ),
    new Option('--timeout <duration>', 'of one attempt, e.g. 30m'),
    new Option('--retries <n>', 'further attempts after a failed one').argParser(integer(0, 100)),
    new Option('--verify <name>', 'the verify command of swarm.yaml that decides; none for no check'),
    new Option('--budget <usd>', 'at most this much money').argParser(dollars),
    new Option('--key <key>', 'adding it again with the same key adds nothing'),
  ],
  run: addTask,
};

function dollars(text: string): number {
  const value = Number(text.replace(/^\$/, ''));
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('An amount of US dollars above 0 is accepted.');
}

interface AddOptions {
  prompt?: string;
  promptFile?: string;
  priority?: Priority;
  after?: string[];
  on?: string;
  needs?: string[];
  agent?: string;
  timeout?: string;
  retries?: number;
  verify?: string;
  budget?: number;
  key?: string;
}

async function addTask(context: Context, title: string, rest: string[], options: AddOptions): Promise<void> {
  const words = readWords(title, rest, splitCommandLine(context.argv), options);
  const prompt = await readPrompt(context, words.fromStdin, options);
  const task = newTask(words.title === '-' ? firstLine(prompt) : words.title, prompt, words.command, options);
  const { client } = await openProject(context);
  const added = await client.tasks.add(task);
  const { output } = context;
  output.document(added);
  output.line(added.existing ? `task ${added.id} was there already (same key)` : `task ${added.id} added`);
  output.note(`Follow it: \`swarm task wait ${added.id}\``);
}

interface Words {
  title: string;
  fromStdin: boolean;
  command: string[] | undefined;
}

/**
 * Reads the words after the title: `-`, or after `--` the argv of a shell task. Any other words are those of a title
 * without quotes.
 */
export function readWords(
  title: string,
  rest: readonly string[],
  { own, program }: CommandLine,
  options: AddOptions,
): Words {
  const dash = rest[0] === '-';
  const argv = dash ? rest.slice(1) : [...rest];
  if (argv.length > 0 && !own.includes('--')) {
    throw new SwarmError('usage', `"${argv[0]}" is one word too many`, {
      hint: `Put the title in quotes: \`swarm task add "${[title, ...argv].join(' ')}"\`; the argv of a shell task comes after --command.`,
      exitCode: 2,
    });
  }
  const command = program ?? argv;
  return {
    title,
    fromStdin: dash || title === '-' || options.promptFile === '-',
    command: command.length === 0 ? undefined : [...command],
  };
}

async function readPrompt(context: Context, fromStdin: boolean, options: AddOptions): Promise<string | undefined> {
  const { prompt, promptFile } = options;
  const ways = [prompt !== undefined, promptFile !== undefined && promptFile !== '-', fromStdin].filter(Boolean).length;
  if (ways > 1)
    throw new SwarmError('usage', 'the prompt was given more than once', {
      hint: 'Use one of --prompt, --prompt-file and -.',
      exitCode: 2,
    });
  if (fromStdin) return await readAll(context.stdin);
  if (promptFile === undefined) return prompt;
  const file = path.resolve(context.cwd, promptFile);
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SwarmError('no-prompt-file', `--prompt-file ${promptFile} cannot be read: ${errorText(cause)}`, {
      hint: 'Name a text file, or - for stdin.',
      cause,
      exitCode: 2,
    });
  });
}

function firstLine(prompt: string | undefined): string {
  return oneLine(prompt?.trim().split('\n', 1)[0] ?? '', 100);
}

/** The request, with given values only; the supervisor knows the defaults. Pure. */
export function newTask(
  title: string,
  prompt: string | undefined,
  command: string[] | undefined,
  options: AddOptions,
): NewTask {
  if (title.trim() === '')
    throw new SwarmError('usage', 'the task has no title', {
      hint: 'Say in a few words what is to be done.',
      exitCode: 2,
    });
  if (command !== undefined && prompt !== undefined) {
    throw new SwarmError('usage', 'a task has a prompt or a command, not both', {
      hint: 'Leave one of them away.',
      exitCode: 2,
    });
  }
  const { priority, after, on, needs, agent, timeout, retries, verify, budget, key } = options;
  return Object.fromEntries(
    Object.entries({
      title,
      prompt,
      command,
      priority,
      after,
      on,
      needs,
      agent,
      timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
      retries,
      verify,
      budgetUsd: budget,
      key,
    } satisfies Partial<Record<keyof NewTask, unknown>>).filter(([, value]) => value !== undefined),
  ) as unknown as NewTask;
}
