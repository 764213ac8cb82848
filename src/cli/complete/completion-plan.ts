import type { Argument, Command, Option } from 'commander';

/** Kinds of names that only the project knows. */
export type LiveKind = 'agents' | 'logs' | 'tasks' | 'checkpoints' | 'branches';

export interface Completion {
  value: string;
  about: string;
}

/** The words that may stand at the cursor. */
export interface CompletionPlan {
  /** The typed part of the word; every candidate begins with it. */
  current: string;
  /** Text before each candidate in shells that replace the whole word, e.g. `--state=`. */
  prefix: string;
  candidates: Completion[];
  live: LiveKind | null;
  /** Words that the verb has already; a checkpoint's agent is the first. */
  operands: string[];
  paths: 'files' | 'directories' | null;
  /** The directory of `-C`, as typed. */
  directory: string | null;
}

/** Kinds of option values, by the name that commander derives from the long flag. */
const OPTION_KINDS: Readonly<Record<string, LiveKind>> = {
  agent: 'agents',
  task: 'tasks',
  after: 'tasks',
  on: 'tasks',
  into: 'branches',
};
const ARGUMENT_KINDS: Readonly<Record<string, LiveKind>> = { agent: 'agents', task: 'tasks' };
const VERDICTS = ['allow', 'deny'].map((value) => ({ value, about: '' }));

interface Position {
  command: Command;
  operands: string[];
  /** The option whose value the next word is. */
  pending: Option | null;
  /** After `--` every word is an operand. */
  literal: boolean;
  directory: string | null;
}

/**
 * Plans the candidates for the last of `words`, which is being typed. They come from the command tree, so a new verb
 * needs no code here.
 */
export function planCompletion(program: Command, given: readonly string[]): CompletionPlan {
  const words = withoutLoneEquals(given);
  const current = words.at(-1) ?? '';
  const at = walk(program, words.slice(0, -1));
  const base = {
    current,
    prefix: '',
    candidates: [],
    live: null,
    operands: at.operands,
    paths: null,
    directory: at.directory,
  };
  if (!at.literal && current.startsWith('-') && at.pending === null)
    return { ...base, ...optionsAt(at.command, current) };
  if (at.pending !== null) return { ...base, ...valuesOf(at.pending) };
  const verbs = at.operands.length === 0 && !at.literal ? verbsOf(at.command) : [];
  const argument = argumentAt(at.command, at.operands.length);
  const values = argument === undefined ? {} : valuesOfArgument(argument, at);
  return { ...base, ...values, candidates: [...verbs, ...(values.candidates ?? [])] };
}

/** Joins what bash cuts: it makes three words of `--state=done`, and replaces the last. */
function withoutLoneEquals(given: readonly string[]): string[] {
  const words = given.filter((word, index) => word !== '=' || given[index - 1]?.startsWith('--') !== true);
  return given.at(-1) === '=' && given.at(-2)?.startsWith('--') === true ? [...words, ''] : words;
}

function walk(program: Command, words: readonly string[]): Position {
  const at: Position = { command: program, operands: [], pending: null, literal: false, directory: null };
  for (const word of words) {
    if (at.literal) at.operands.push(word);
    else if (word === '--') Object.assign(at, { literal: true, pending: null });
    else if (word.length > 1 && word.startsWith('-')) takeOption(at, word);
    else if (at.pending !== null) takeValue(at, at.pending, word);
    else takeWord(at, word);
  }
  return at;
}

function takeOption(at: Position, word: string): void {
  const [flag, inline] = splitOnce(word, '=');
  const option = findOption(at.command, flag);
  at.pending = null;
  // The rest belongs to the program of a shell task.
  if (option?.attributeName() === 'command') at.literal = true;
  else if (option === undefined || (!option.required && !option.optional)) return;
  else if (inline === undefined) at.pending = option;
  else takeValue(at, option, inline);
}

function takeValue(at: Position, option: Option, value: string): void {
  if (option.attributeName() === 'directory') at.directory = value;
  at.pending = option.variadic ? option : null;
}

function takeWord(at: Position, word: string): void {
  const verb =
    at.operands.length === 0
      ? at.command.commands.find((one) => one.name() === word || one.aliases().includes(word))
      : undefined;
  if (verb === undefined) at.operands.push(word);
  else at.command = verb;
}

function findOption(command: Command, flag: string): Option | undefined {
  for (let one: Command | null = command; one !== null; one = one.parent) {
    const found = one.options.find(({ long, short }) => flag === long || flag === short);
    if (found !== undefined) return found;
  }
  return undefined;
}

function optionsAt(command: Command, current: string): Partial<CompletionPlan> {
  const [flag, typed] = splitOnce(current, '=');
  if (typed !== undefined) {
    const option = findOption(command, flag);
    return option === undefined ? {} : { ...valuesOf(option), current: typed, prefix: `${flag}=` };
  }
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  return {
    candidates: options.flatMap(({ long, short, description }) => {
      const flags = current.startsWith('--') ? [long] : [long ?? short];
      return flags.flatMap((value) => (value == null ? [] : [{ value, about: description }]));
    }),
  };
}

function valuesOf(option: Option): Partial<CompletionPlan> {
  if (option.argChoices !== undefined) return { candidates: plainly(option.argChoices) };
  const name = option.attributeName();
  if (name === 'directory') return { paths: 'directories' };
  if (name.endsWith('File')) return { paths: 'files' };
  return { live: OPTION_KINDS[name] ?? null };
}

function valuesOfArgument(argument: Argument, { command, operands }: Position): Partial<CompletionPlan> {
  const name = argument.name();
  if (argument.argChoices !== undefined) return { candidates: plainly(argument.argChoices) };
  if (['n', 'a', 'b'].includes(name) && command.registeredArguments[0]?.name() === 'agent')
    return { live: 'checkpoints' };
  if (command.name() === 'logs') return { live: 'logs' };
  if (command.name() === 'answer' && name === 'answer') return operands.length === 1 ? { candidates: VERDICTS } : {};
  return { live: ARGUMENT_KINDS[name] ?? null };
}

function verbsOf(command: Command): Completion[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((verb) => ({ value: verb.name(), about: verb.summary() || verb.description() }));
}

/** The argument at a place; a variadic one takes all further places. */
function argumentAt(command: Command, index: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[index] ?? (last?.variadic === true ? last : undefined);
}

function plainly(values: readonly string[]): Completion[] {
  return values.map((value) => ({ value, about: '' }));
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
