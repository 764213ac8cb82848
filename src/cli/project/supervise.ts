// oxlint-disable-next-line no-restricted-imports -- a daemon that outlives the command
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { connect, unreachable, type SwarmClient } from '../../api/client.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import { environmentFor } from '../../domain/environment.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { supervisorCommand } from '../../domain/programs.ts';
import { waitFor } from '../../lib/wait.ts';
import { identityOf, type ProcessIdentity } from '../../process/index.ts';
import { readRuntimeDir } from '../../store/place/runtime-record.ts';
import { plain, type Output } from '../say/output.ts';
import { located } from './project.ts';
import { scopeArgv } from './scope.ts';

const START_TIMEOUT_MS = 30_000;
/** How long to wait after a failed start, ms: it may have met another `up`, whose supervisor is about to answer. */
const OTHERS_TIMEOUT_MS = 1_000;
/**
 * How long to wait after an end with code 0, ms: the lock was taken, by a supervisor that begins or one on its way
 * down.
 */
const AGAIN_MS = 300;
/**
 * How long to wait for the address of the holder of the lock, ms: it writes it down at once, one of an older version
 * never does.
 */
const UNTOLD_MS = 5_000;
const PROBE_TIMEOUT_MS = 5_000;
const STDERR_LIMIT_BYTES = 1024 * 1024;

/**
 * File of one of swarm's programs: beside the running bundle, or in the sources. Tests name another by the environment.
 */
export function programFile(name: 'supervisor' | 'demo', env: NodeJS.ProcessEnv): string {
  const override = env[`SWARM_${name.toUpperCase()}_PROGRAM`];
  if (override !== undefined && override !== '') return override;
  const here = import.meta.url;
  return fileURLToPath(here.endsWith('.ts') ? new URL(`../../${name}/main.ts`, here) : new URL(`${name}.js`, here));
}

/**
 * The supervisor's status once it answers; it is started when none does. Two calls at once are harmless: one supervisor
 * gets the lock, and both callers talk to it, wherever its sockets are.
 * @throws SwarmError `supervisor-failed` with the end of its log, `supervisor-unreachable`, `not-yours`
 */
export async function ensureSupervisor(
  layout: ProjectLayout,
  env: NodeJS.ProcessEnv,
  output: Output,
  signal: AbortSignal,
): Promise<StatusDocument> {
  const there = await probe(clientOf(layout, signal));
  return there ?? (await begin({ layout, env, output, signal, replaces: null }));
}

/**
 * Puts a supervisor of this build in the place of another one, whose agents it adopts.
 * @returns the status of the supervisor that answers then; the other one's where it did not end
 * @throws as `ensureSupervisor`
 */
export async function replaceSupervisor(
  layout: ProjectLayout,
  env: NodeJS.ProcessEnv,
  output: Output,
  signal: AbortSignal,
  other: StatusDocument,
): Promise<StatusDocument> {
  const { pid } = other.supervisor;
  const replaces = pid === null ? null : identityOf(pid);
  // It has just ended by itself.
  if (replaces === null) return await ensureSupervisor(layout, env, output, signal);
  return await begin({ layout, env, output, signal, replaces });
}

const clientOf = (layout: ProjectLayout, signal: AbortSignal): SwarmClient =>
  connect(() => located(layout), { timeoutMs: PROBE_TIMEOUT_MS, signal });

interface Beginning {
  layout: ProjectLayout;
  env: NodeJS.ProcessEnv;
  output: Output;
  signal: AbortSignal;
  /** The supervisor that has to end first. */
  replaces: ProcessIdentity | null;
}

async function begin({ layout, env, output, signal, replaces }: Beginning): Promise<StatusDocument> {
  const client = clientOf(layout, signal);
  const scope = await scopeArgv(layout.name, environmentFor('swarm', env));
  const start = (): Started => startSupervisor(layout, env, scope, replaces);
  let child = start();
  const from = child.logFrom;
  let otherSince: number | null = null;
  try {
    return await waitFor(
      async () => {
        const status = await probe(client);
        const isBefore = status !== null && status.supervisor.pid === replaces?.pid;
        // The replaced supervisor answers to its end; when it goes on after the new one gave up, that is the answer.
        if (child.endedAt === null) return isBefore ? null : status;
        if (status !== null) return status;
        const since = performance.now() - child.endedAt;
        if (child.gaveWay) {
          otherSince ??= child.endedAt;
          const untold = readRuntimeDir(layout.runtimeFile) === null;
          if (untold && performance.now() - otherSince > UNTOLD_MS) throw unreachable(layout);
          if (since > AGAIN_MS) child = start();
        } else if (since > OTHERS_TIMEOUT_MS) {
          throw new SwarmError('supervisor-failed', `the supervisor ended at once (${child.ending})`);
        }
        return null;
      },
      { timeoutMs: START_TIMEOUT_MS, intervalMs: 25, signal, what: 'the supervisor to answer' },
    );
  } catch (error) {
    if (signal.aborted) {
      // No order was sent to it yet, and no program would ever end it.
      if (replaces === null) child.end();
      throw error;
    }
    if (otherSince !== null) throw unreachable(await located(layout), error);
    throw await failed(child, from, output, error);
  }
}

/** The error of a failed start, with the end of its log, which is printed. */
async function failed(child: Started, from: number, output: Output, error: unknown): Promise<SwarmError> {
  const tail = await lastLines(child.logFile, from);
  for (const line of tail) output.note(`  ${plain(line)}`);
  const message = error instanceof SwarmError ? error.message : String(error);
  const exitCode = error instanceof SwarmError ? error.exitCode : 1;
  const last = tail.at(-1);
  return new SwarmError('supervisor-failed', last === undefined ? message : `${message}: ${plain(last)}`, {
    hint: `See ${child.logFile} and \`swarm logs supervisor\`.`,
    cause: error,
    exitCode,
    retrySafe: true,
  });
}

async function probe(client: SwarmClient): Promise<StatusDocument | null> {
  try {
    return await client.status.show();
  } catch (error) {
    // Not there yet, or about to end: the next start decides by the lock.
    if (error instanceof SwarmError && (error.code === 'supervisor-down' || error.code === 'connection-lost'))
      return null;
    throw error;
  }
}

interface Started {
  logFile: string;
  logFrom: number;
  /** `performance.now()` of its end. */
  endedAt: number | null;
  ending: string;
  /** Another supervisor has the lock. */
  gaveWay: boolean;
  end(): void;
}

function startSupervisor(
  layout: ProjectLayout,
  env: NodeJS.ProcessEnv,
  scope: readonly string[],
  replaces: ProcessIdentity | null,
): Started {
  // Its output before its own log is open, and its crash.
  const logFile = path.join(layout.logsDir, 'supervisor.stderr.log');
  const log = openSync(logFile, 'a', 0o600);
  if (fstatSync(log).size > STDERR_LIMIT_BYTES) ftruncateSync(log);
  const logFrom = fstatSync(log).size;
  const own = supervisorCommand(process.execPath, programFile('supervisor', env), layout.root);
  if (replaces !== null) own.push('--replaces', JSON.stringify(replaces));
  const [program = '', ...args] = scope.length === 0 ? own : [...scope, ...own];
  const child: ChildProcess = spawn(program, args, {
    cwd: layout.root,
    // A session of its own: Ctrl-C and the end of this terminal do not reach it.
    detached: true,
    stdio: ['ignore', log, log],
    env: environmentFor('swarm', env),
  });
  closeSync(log);
  const started: Started = {
    logFile,
    logFrom,
    endedAt: null,
    ending: '',
    gaveWay: false,
    end: () => void child.kill(),
  };
  const ended = (how: string): void => {
    started.endedAt ??= performance.now();
    started.ending ||= how;
  };
  child.once('error', (error) => ended(error.message));
  child.once('exit', (code, by) => {
    started.gaveWay = code === 0;
    ended(by ?? `exit code ${code ?? '?'}`);
  });
  child.unref();
  return started;
}

async function lastLines(file: string, from: number): Promise<string[]> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  const start = Math.max(from, size - 8_192);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, size - start)), 0, undefined, start);
  return buffer
    .toString('utf8', 0, bytesRead)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-8);
}

/** The pid that a supervisor wrote down, where its API does not answer. */
export function writtenPid(layout: ProjectLayout): number | null {
  try {
    const { pid } = JSON.parse(readFileSync(layout.supervisorPidFile, 'utf8')) as { pid?: unknown };
    return typeof pid === 'number' ? pid : null;
  } catch {
    // No file, or half of one.
    return null;
  }
}
