import { Command, CommanderError, type Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { refuseInsideAgent, type Context, type Invocation } from './project/context.ts';
import { changeDirectory } from './project/project.ts';
import { usageError } from './usage.ts';
import { splitCommandLine } from './verb/command-line.ts';
import type { Action, Verb } from './verb/verb.ts';
import { VERBS } from './verbs/index.ts';

interface GlobalOptions {
  json?: boolean;
  debug?: boolean;
  directory?: string;
}

type Done = (exitCode: number) => void;

/** Printed before any verb is looked at. */
const VERSION = ['-V', '--version'];

/** @returns the exit code. @throws SwarmError with code `usage` (exit code 2) for a wrong command line */
export async function run(invocation: Invocation): Promise<number> {
  let exitCode = 0;
  const done: Done = (code) => {
    exitCode = code;
  };
  const { own } = splitCommandLine(invocation.argv);
  try {
    const program = await programFor(own, invocation, done);
    if (own.length === 0) program.outputHelp();
    else await program.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help or version was wanted and has been printed.
    if (error.exitCode === 0) return 0;
    throw usageError(error, await buildProgram(invocation, done), own);
  }
  return exitCode;
}

/** The program with all its verbs. @param done takes the exit code of the verb that was run */
export async function buildProgram(invocation: Invocation, done: Done): Promise<Command> {
  const program = programWithoutVerbs(invocation);
  const loaded = await Promise.all(Object.entries(VERBS).map(async ([name, load]) => ({ name, ...(await load()) })));
  for (const { name, verb } of loaded) addVerb(program, name, verb, invocation, done);
  return program;
}

/** The program with the verb that these words name, or with all where they name none and more than the version is asked. */
async function programFor(words: readonly string[], invocation: Invocation, done: Done): Promise<Command> {
  const program = programWithoutVerbs(invocation);
  if (VERSION.includes(words[0] ?? '')) return program;
  const name = verbIn(words, program.options);
  const load = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (load === undefined) return await buildProgram(invocation, done);
  addVerb(program, name, (await load()).verb, invocation, done);
  return program;
}

/**
 * The first word that is neither an option of the program itself nor the value of one. Empty: only commander can tell.
 */
function verbIn(words: readonly string[], options: readonly Option[]): string {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) return word;
    const option = options.find(({ short, long }) => word === short || word === long);
    if (option === undefined) return '';
    if (option.required) at += 1;
  }
  return '';
}

function programWithoutVerbs(invocation: Invocation): Command {
  return (
    new Command('swarm')
      .description('Coding agents, supervised: each in its own worktree, fed from a durable queue.')
      .version(manifest.version, '-V, --version')
      .option('--json', 'one JSON document on stdout and nothing else')
      .option('--debug', 'errors with their stack')
      .option('-C, --directory <dir>', 'work in this directory')
      .helpCommand('help [command]', 'the same as --help after a command')
      .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
      // Errors are printed in one place only, in main.
      .configureOutput({
        writeOut: (text) => void invocation.output.stdout.write(text),
        writeErr: () => undefined,
        outputError: () => undefined,
      })
      .exitOverride()
  );
}

/** @param path the words that lead to the verb, as they are typed after `swarm` */
function addVerb(parent: Command, path: string, verb: Verb, invocation: Invocation, done: Done): void {
  const name = path.split(' ').at(-1) ?? path;
  const command = parent.command(name, { hidden: verb.hidden === true }).summary(verb.summary);
  if (verb.description !== undefined) command.description(verb.description);
  for (const argument of verb.arguments ?? []) command.addArgument(argument);
  for (const option of verb.options ?? []) command.addOption(option);
  for (const [sub, inner] of Object.entries(verb.verbs ?? {}))
    addVerb(command, `${path} ${sub}`, inner, invocation, done);
  const action = verb.run as Action<unknown[]> | undefined;
  if (action === undefined) return;
  command.action(async (...given: unknown[]) => {
    if (verb.forPeople === true) refuseInsideAgent(invocation.env, `swarm ${path}`);
    const { directory } = (given.pop() as Command).optsWithGlobals<GlobalOptions>();
    done((await act(action, contextOf(invocation, directory), given)) ?? 0);
  });
}

function contextOf(invocation: Invocation, directory: string | undefined): Context {
  const cwd = directory === undefined ? invocation.cwd : changeDirectory(invocation.cwd, directory);
  const interactive = invocation.stdin.isTTY === true && invocation.output.isTerminal && !invocation.output.json;
  return { ...invocation, cwd, interactive, program: (words) => programFor(words, invocation, () => undefined) };
}

async function act(action: Action<unknown[]>, context: Context, given: unknown[]): Promise<number | void> {
  try {
    return await action(context, ...given);
  } catch (error) {
    await (await import('./project/build.ts')).tellOfUpdate(context, error);
    throw error;
  }
}
