import { glob, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { testedClaude } from './claude.ts';
import { endProcessesOf, untilNoProcessOf } from './processes.ts';
import { runDirectory } from './run-directory.ts';
import { smallDisk, type SmallDisk } from './small-disk.ts';

export const repositoryRoot = path.resolve(import.meta.dirname, '..', '..');

/** A private machine, as far as swarm can tell: nothing of the person's account is seen or touched. */
export interface IsolatedEnvironment extends AsyncDisposable {
  /** Everything below lies in here; put repositories here too, so that processes that they leave are noticed. */
  directory: string;
  home: string;
  stateHome: string;
  runtimeDir: string;
  configHome: string;
  /** The whole environment of started programs: nothing is inherited. */
  variables: Record<string, string>;
  /** Present where `diskBytes` was given; else null. */
  disk: SmallDisk | null;
  /**
   * Ends the environment. Rejects when a process that belongs to it still lives after `graceMs`; those are ended by
   * pid and the directory is removed all the same.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface IsolatedEnvironmentOptions {
  /** Base URL of the scripted Messages API; without it no agent can reach any. */
  anthropicBaseUrl?: string | undefined;
  /** Added to, or with `undefined` taken from, the variables. */
  variables?: Record<string, string | undefined>;
  /** Directories that come before all others on PATH: stand-ins for programs. */
  pathFirst?: string[];
  /** How long processes may take to end by themselves at the end, ms. Default 3,000. */
  graceMs?: number;
  /** Everything lies on a disk of its own of this size. */
  diskBytes?: number;
}

/** The only way in which tests start swarm or its programs. Linux only. */
export async function isolatedEnvironment(options: IsolatedEnvironmentOptions = {}): Promise<IsolatedEnvironment> {
  const PATH = searchPath(options.pathFirst ?? []);
  const directory = await mkdtemp(path.join(runDirectory(), 'sw-'));
  const disk = options.diskBytes === undefined ? null : await smallDisk(directory, options.diskBytes);
  const inside = (name: string) => path.join(directory, name);
  const directories = {
    home: inside('home'),
    stateHome: inside('state'),
    runtimeDir: inside('run'),
    configHome: inside('config'),
  };
  for (const name of [...Object.values(directories), inside('tmp')]) await mkdir(name, { mode: 0o700 });
  const { home, stateHome, runtimeDir, configHome } = directories;

  const variables: Record<string, string> = {
    HOME: home,
    XDG_STATE_HOME: stateHome,
    XDG_RUNTIME_DIR: runtimeDir,
    XDG_CONFIG_HOME: configHome,
    TMPDIR: inside('tmp'),
    PATH,
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    ANTHROPIC_AUTH_TOKEN: 'dummy',
    // Claude Code's runtime: a process that lives for seconds does not earn back the cost of its best compiler, a
    // seventh of the whole.
    BUN_JSC_useDFGJIT: '0',
  };
  if (options.anthropicBaseUrl !== undefined) variables['ANTHROPIC_BASE_URL'] = options.anthropicBaseUrl;
  for (const [name, value] of Object.entries(options.variables ?? {})) {
    if (value === undefined) delete variables[name];
    else variables[name] = value;
  }

  return {
    directory,
    ...directories,
    variables,
    disk,
    [Symbol.asyncDispose]: () => endEnvironment(directory, disk, options.graceMs ?? 3_000),
  };
}

/** Node 24 (the one that runs the tests), the Claude Code under test, then the system's programs. */
function searchPath(first: string[]): string {
  const system = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return [...first, path.dirname(process.execPath), testedClaude().directory, system].join(':');
}

async function endEnvironment(directory: string, disk: SmallDisk | null, graceMs: number): Promise<void> {
  const left = await untilNoProcessOf(directory, graceMs);
  if (left.length > 0) await endProcessesOf(directory);
  const log = await supervisorsLog(directory);
  await disk?.unmount();
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  const broken = log.filter((line) => line.includes(FATAL));
  if (broken.length > 0) throw new Error(`a supervisor broke:\n${broken.join('\n')}`);
  if (left.length === 0) return;
  const lines = left.map(({ pid, commandLine }) => `  ${pid} ${commandLine.slice(0, 200)}`);
  throw new Error(
    `${left.length} process(es) of ${directory} were still alive:\n${lines.join('\n')}\n${log.slice(-LOG_LINES).join('\n')}`,
  );
}

/** A line of the log with pino's level of errors that end the process. */
const FATAL = '"level":60,';
const LOG_LINES = 12;

/** The lines that the supervisors of an environment logged. */
async function supervisorsLog(directory: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const file of glob(path.join(directory, 'state/swarm/*/logs/supervisor.jsonl')))
    lines.push(...(await readFile(file, 'utf8')).trimEnd().split('\n'));
  return lines;
}
