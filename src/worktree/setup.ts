import { lstatSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { WorktreeSetup } from '../coordination/link.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { AGENT_MARK } from '../domain/marks.ts';
import { untrackedEntries } from '../git/repository/untracked.ts';
import { agentSettings } from '../git/worktree/agent-settings.ts';
import { writeWorktreeExcludes } from '../git/worktree/worktree-excludes.ts';
import { formatDuration } from '../lib/duration.ts';
import { exitText, runCommand, type CommandEnd } from './command.ts';
import type { Processes } from './processes.ts';
import { tail } from '../lib/text.ts';
import type { Clock } from '../lib/clock.ts';
import { bringFiles } from './setup-files.ts';
import { OutputReader } from './setup-output.ts';
import { readSetupNote, writeSetupNote, type SetupNote } from './setup-note.ts';
import { findSources } from './setup-sources.ts';

const TELL_COPYING_MS = 1_000;
const TAIL_LINES = 12;
const TAIL_CHARS = 1_500;

export interface SetUp {
  /** The person's checkout. */
  root: string;
  worktree: string;
  settings: WorktreeSetup;
  /** Environment of the commands; the worktree's ignore file is added to it. */
  env: Readonly<Record<string, string>>;
  /** Mark that every process of the commands carries. */
  mark: string;
  /** stdout and stderr of the commands, appended. */
  outputFile: string;
  graceMs: number;
  /** Aborting ends the set-up and every process that it started. */
  signal: AbortSignal;
  processes: Processes;
  clock: Clock;
  /** Runs the commands when their turn has come: installing takes the whole machine. */
  turn<T>(work: () => Promise<T>): Promise<T>;
  /** Tells people the present step: `copying files`, `npm ci`. */
  progress(what: string): void;
  /** Passes on a line of output. */
  output(line: string): void;
}

export interface SetUpDone {
  /** False: the set-up was done before, and nothing has changed since. */
  ran: boolean;
  /** Notes for people about files that were left out. */
  notes: string[];
}

/** A set-up that did not succeed, with the facts that a person needs to mend it. */
export class SetUpError extends SwarmError {
  /** The end of its output, a few lines. */
  readonly tail: string;

  constructor(
    message: string,
    { tail: end, hint, cause }: { tail: string; hint?: string | undefined; cause?: unknown },
  ) {
    super('setup-failed', message, { hint, cause });
    this.tail = end;
  }
}

/**
 * Brings a worktree into the state that the settings ask for: copies and links files that git does not bring, then runs
 * the commands. Done once for the same settings and sources; a set-up that was interrupted or failed is done again.
 * @throws SetUpError; the signal's reason when it was aborted
 */
export async function setUpWorktree(options: SetUp): Promise<SetUpDone> {
  const { root, worktree, settings } = options;
  const before = readSetupNote(worktree);
  const asksNothing = settings.copy.length + settings.link.length + settings.commands.length === 0;
  if (asksNothing && before === null) return { ran: false, notes: [] };
  const sources = await findSources(root, path.dirname(worktree), settings);
  if (before?.state === 'done' && before.hash === sources.hash && isWhole(root, worktree, before)) {
    // The person's own ignore file, with which the worktree's begins, may have changed.
    await writeWorktreeExcludes({ root, worktree, paths: [...before.brought, ...before.made] });
    return { ran: false, notes: [] };
  }
  const record: SetupNote = {
    v: 1,
    hash: sources.hash,
    state: 'running',
    at: new Date(options.clock.now()).toISOString(),
    detail: null,
    links: before?.links ?? [],
    brought: before?.brought ?? [],
    made: before?.made ?? [],
  };
  await writeSetupNote(worktree, record);
  try {
    await rm(options.outputFile, { force: true });
    const notes = await bring(options, record, sources);
    if (settings.commands.length > 0) await makeAll(options, record);
    await writeSetupNote(worktree, { ...record, state: 'done' });
    return { ran: true, notes: [...sources.missing, ...sources.links, ...notes] };
  } catch (error) {
    options.signal.throwIfAborted();
    const failure =
      error instanceof SetUpError
        ? error
        : new SetUpError(`set-up failed: ${errorText(error)}`, { tail: '', cause: error });
    await writeSetupNote(worktree, { ...record, state: 'failed', detail: failure.message });
    throw failure;
  }
}

async function bring(
  { root, worktree, signal, clock, progress }: SetUp,
  record: SetupNote,
  { copy, link }: { copy: string[]; link: string[] },
): Promise<string[]> {
  // Copying is most often done before a person could read of it.
  const cancelTelling = clock.after(TELL_COPYING_MS, () => progress('copying files'));
  const done = await bringFiles({ root, worktree, copy, link, oldLinks: record.links, signal }).finally(cancelTelling);
  record.links = done.links;
  record.brought = [...new Set([...record.brought, ...done.brought])].sort();
  await writeWorktreeExcludes({ root, worktree, paths: [...record.brought, ...record.made] });
  return done.notes;
}

/**
 * Runs the commands. Files that they make and git neither tracks nor ignores are noted: the start of the next task
 * would remove them otherwise.
 */
async function makeAll(options: SetUp, record: SetupNote): Promise<void> {
  const { root, worktree } = options;
  const before = new Set(await untrackedEntries(worktree));
  await options.turn(() => runCommands(options));
  const made = (await untrackedEntries(worktree)).filter((name) => !before.has(name));
  if (made.length === 0) return;
  record.made = [...new Set([...record.made, ...made])].sort();
  await writeWorktreeExcludes({ root, worktree, paths: [...record.brought, ...record.made] });
}

/**
 * Whether the copied and linked files are still there: an agent may have removed some, and the checkout of a repository
 * that was renamed is no longer where the links lead.
 */
function isWhole(root: string, worktree: string, { brought, links }: SetupNote): boolean {
  const at = (name: string) => lstatSync(path.join(worktree, name), { throwIfNoEntry: false });
  const leadsHome = (name: string): boolean =>
    at(name)?.isSymbolicLink() !== true || readlinkSync(path.join(worktree, name)) === path.join(root, name);
  return [...new Set([...links, ...brought])].every((name) => at(name) !== undefined) && links.every(leadsHome);
}

async function runCommands(options: SetUp): Promise<void> {
  const { settings, worktree, env, clock, progress } = options;
  const limit = new AbortController();
  const cancelLimit = clock.after(settings.timeoutMs, () => limit.abort());
  const variables = { ...env, ...agentSettings(worktree, env), [AGENT_MARK]: options.mark };
  try {
    for (const argv of settings.commands) {
      const startedAt = clock.monotonic();
      progress(argv.join(' '));
      const said: string[] = [];
      const end = await runOne(options, argv, variables, AbortSignal.any([options.signal, limit.signal]), said);
      options.signal.throwIfAborted();
      const why = limit.signal.aborted ? 'timeout' : end.code === 0 && end.startError === null ? null : 'exit';
      if (why !== null) throw failure(options, argv, end, { why, ms: clock.monotonic() - startedAt, said });
    }
  } finally {
    cancelLimit();
  }
}

async function runOne(
  options: SetUp,
  argv: string[],
  env: Record<string, string>,
  signal: AbortSignal,
  said: string[],
): Promise<CommandEnd> {
  const { worktree, mark, outputFile, graceMs, processes } = options;
  using _reader = new OutputReader(outputFile, (line) => {
    if (said.push(line) > TAIL_LINES) said.shift();
    options.output(line);
  });
  const names = { setting: 'worktree.setup' };
  return await runCommand({ argv, names, cwd: worktree, env, mark, outputFile, signal, graceMs, processes });
}

function failure(
  options: SetUp,
  argv: string[],
  end: CommandEnd,
  { why, ms, said }: { why: 'timeout' | 'exit'; ms: number; said: readonly string[] },
): SetUpError {
  const took = formatDuration(ms);
  const { startError } = end;
  if (startError !== null && why !== 'timeout') {
    return new SetUpError(`set-up failed: ${startError.message}`, {
      tail: '',
      hint: startError.hint,
      cause: startError,
    });
  }
  const how =
    why === 'timeout' ? `was ended after ${took} (worktree.setupTimeout)` : `ended with ${exitText(end)} after ${took}`;
  return new SetUpError(`set-up failed: ${JSON.stringify(argv)} ${how}; log: ${options.outputFile}`, {
    tail: tail(said.join('\n'), TAIL_CHARS),
  });
}
