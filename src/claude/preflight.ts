import { realpath } from 'node:fs/promises';
import { environmentFor } from '../domain/environment.ts';
import { findProgram, startProblem, type ProgramPlace } from '../lib/start-error.ts';
import { compareVersions } from '../lib/versions.ts';
import { run } from '../process/run.ts';
import { object, readClaudeJson } from './home.ts';
import type { Env } from './home.ts';
import { findLogin } from './login.ts';
import { blindedAnywhere, blindedBy, blindingText, settingsSources, shutOutBy } from './settings-sources.ts';
import type { SettingsPlace } from './settings-sources.ts';

/**
 * `missing`: there is no program that could be started. `broken`: it does not answer as Claude Code does. `hooks`:
 * Claude Code's settings switch hooks off, and swarm would see nothing.
 */
export type GateKind = 'missing' | 'broken' | 'too-old' | 'login' | 'api-key' | 'trust' | 'onboarding' | 'hooks';

export interface Gate {
  kind: GateKind;
  message: string;
  /** The cure for the person: one sentence. */
  cure: string;
  /**
   * True where an agent would not start. `trust` blocks until the person says yes to swarm's own question (then
   * `prepareLaunch` with `trustWorkspace`); `onboarding` does not: swarm gets past it by itself.
   */
  blocking: boolean;
}

export interface Inspection {
  version: string | null;
  /** Real path of the program. */
  path: string | null;
  gates: Gate[];
}

export interface InspectOptions {
  command: string[];
  env: Env;
  /** Root of the main worktree of the repository. */
  root: string;
  signal: AbortSignal;
}

/** The first version with HTTP hooks, held permission requests and the failure hooks. */
export const MIN_VERSION = '2.1.300';
/** How errors name the program and its installation. */
export const CLAUDE_PROGRAM = {
  what: 'Claude Code',
  install: 'npm install -g @anthropic-ai/claude-code',
  setting: 'the command of its role',
} as const;
const VERSION_TIMEOUT_MS = 15_000;

/**
 * Finds what would stop an agent before its first prompt. Reads files and runs `--version`; starts no agent, changes
 * nothing.
 */
export async function inspectClaude(options: InspectOptions): Promise<Inspection> {
  const { env, root } = options;
  const place = { program: options.command[0] ?? '', cwd: root, searchPath: env['PATH'] };
  const [settings, claudeJson, program] = await Promise.all([
    settingsSources(env, { root, cwd: root }).then((sources) => sources.map(({ settings }) => settings)),
    readClaudeJson(env),
    realProgram(place),
  ]);
  const gates: Gate[] = [];
  const version = program === null ? null : await readVersion(program, options);
  gates.push(...programGates(options.command, place, version));
  // Swarm's own copy is not on the PATH: the cure names the command as it is started here.
  const claude = options.command.join(' ');

  const login = await findLogin(env, settings, claudeJson);
  if (login.state === 'out') {
    gates.push({
      kind: 'login',
      message: 'Claude Code is not logged in.',
      cure: `Run \`${claude}\` once, log in with /login, then run this again.`,
      blocking: true,
    });
  }
  if (login.state === 'unapproved-key') {
    gates.push({
      kind: 'api-key',
      message: 'Claude Code has not been told whether it may use the ANTHROPIC_API_KEY of your environment.',
      cure: `Run \`${claude}\` once and answer its question about the key, or unset ANTHROPIC_API_KEY.`,
      blocking: true,
    });
  }
  if (claudeJson['hasCompletedOnboarding'] !== true) {
    gates.push({
      kind: 'onboarding',
      message: 'Claude Code has never been set up for this user; its first-run screens are skipped.',
      cure: `Run \`${claude}\` once to choose a theme and log in.`,
      blocking: false,
    });
  }
  if (!(await isTrusted(env, claudeJson, root))) {
    gates.push({
      kind: 'trust',
      message: `Claude Code has not been told to trust ${root}.`,
      cure: `Run \`${claude}\` there once and say yes, or start with --trust.`,
      blocking: true,
    });
  }
  return { version, path: program, gates };
}

/**
 * Whether Claude Code's settings let swarm's hooks run in this place. Where the agent has no worktree yet, only what
 * no file in it could change is said. Reads files alone.
 * @param runs a process runs there that was started while there was no list of hook addresses
 */
export async function hooksGate(
  env: Env,
  place: SettingsPlace,
  { managedDir, runs = false }: { managedDir?: string; runs?: boolean } = {},
): Promise<Gate | null> {
  const sources = await settingsSources(env, place, managedDir);
  const found =
    (place.cwd === null ? blindedAnywhere(sources) : blindedBy(sources)) ?? (runs ? shutOutBy(sources) : null);
  return found === null ? null : { kind: 'hooks', ...blindingText(found), blocking: true };
}

/** The gate's sentences for a person. Pure. */
export function gateText({ message, cure }: Gate): string {
  return `${message} ${cure}`.trim();
}

function programGates(command: string[], place: ProgramPlace, version: string | null): Gate[] {
  const problem = startProblem(place, CLAUDE_PROGRAM);
  if (problem !== null) {
    const { message, hint = '' } = problem;
    const isAbsent = findProgram(place) === null && !place.program.includes('/');
    const absent = `Claude Code is not installed: there is no program \`${place.program}\`.`;
    return [{ kind: 'missing', message: isAbsent ? absent : `${message}.`, cure: hint, blocking: true }];
  }
  if (version === null) {
    return [
      {
        kind: 'broken',
        message: `\`${[...command, '--version'].join(' ')}\` does not answer as Claude Code does.`,
        cure: 'Run that command to see why, and reinstall Claude Code if need be.',
        blocking: true,
      },
    ];
  }
  if (compareVersions(version, MIN_VERSION) >= 0) return [];
  return [
    {
      kind: 'too-old',
      message: `Claude Code ${version} is older than ${MIN_VERSION}.`,
      cure: `Run \`${[...command, 'update'].join(' ')}\`.`,
      blocking: true,
    },
  ];
}

/**
 * Whether the folder is trusted. Claude Code looks under the root of the main repository; a folder above counts only
 * outside of git, where no project of swarm's is. With CLAUDE_CODE_SANDBOXED the person says yes themselves.
 */
async function isTrusted(env: Env, claudeJson: Record<string, unknown>, root: string): Promise<boolean> {
  if (env['CLAUDE_CODE_SANDBOXED'] === '1') return true;
  const projects = object(claudeJson['projects']);
  const real = await realpath(root).catch(() => root);
  return [root, real].some((key) => object(projects[key])['hasTrustDialogAccepted'] === true);
}

async function realProgram(place: ProgramPlace): Promise<string | null> {
  const found = findProgram(place);
  return found === null ? null : await realpath(found);
}

/** The version. Not cached: a native Claude Code answers in a few milliseconds, and so no update is overlooked. */
async function readVersion(program: string, options: InspectOptions): Promise<string | null> {
  const [, ...leading] = options.command;
  try {
    const { exitCode, stdout } = await run([program, ...leading, '--version'], {
      env: environmentFor('programs', options.env),
      signal: options.signal,
      timeoutMs: VERSION_TIMEOUT_MS,
    });
    options.signal.throwIfAborted();
    // Another exit code, or too late: swarm cannot use this program as Claude Code.
    return exitCode === 0 ? (/^(\d+\.\d+\.\d+)/.exec(stdout.toString().trim())?.[1] ?? null) : null;
  } catch (error) {
    options.signal.throwIfAborted();
    // Not a program.
    if (error instanceof Error) return null;
    throw error;
  }
}
