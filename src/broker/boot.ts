// oxlint-disable-next-line no-restricted-imports -- daemons that outlive the program that started them
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import { identityOf, type ProcessIdentity } from '../process/index.ts';
import { erlangEnvironment, NODE_NAME, nodeEnvironment } from './config.ts';
import type { BrokerPaths, BrokerPorts } from './config.ts';
import { noRabbitmq } from './errors.ts';
import { findEpmd, searchPath } from './install.ts';
import { accepts, amqpAnswers, pollUntil } from './probe.ts';

/** How often a starting node is asked: a dial on loopback costs 0.1 ms. */
const READY_POLL_MS = 15;

export interface Started {
  child: ChildProcess;
  identity: ProcessIdentity;
}

/**
 * Starts a program that outlives this process, in its own session, with its output in a file.
 * @returns null when it died at once
 */
async function startDetached(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string>; log: string },
): Promise<Started | null> {
  const log = openSync(options.log, 'w', 0o600);
  try {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    const identity = child.pid === undefined ? null : identityOf(child.pid);
    if (child.pid === undefined) await once(child, 'spawn'); // rejects with the error of the start
    child.unref();
    return identity === null ? null : { child, identity };
  } finally {
    closeSync(log);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * Starts a port mapper for this broker alone, in the foreground, so that its pid is known and no other program's node
 * depends on it.
 */
export async function startEpmd(
  paths: BrokerPaths,
  ports: BrokerPorts,
  signal?: AbortSignal,
): Promise<ProcessIdentity> {
  const program = findEpmd();
  if (program === null) throw noRabbitmq("Erlang's `epmd` is not there");
  const started = await startDetached(program, ['-port', String(ports.epmd)], {
    cwd: paths.dir,
    env: erlangEnvironment(paths, ports, searchPath()),
    log: paths.epmdLog,
  });
  const listening =
    started !== null &&
    (await pollUntil(() => accepts(ports.epmd), {
      intervalMs: 5,
      timeoutMs: 5_000,
      stop: () => hasEnded(started.child),
      signal,
    }));
  if (!listening) {
    throw new SwarmError('broker-port', `Erlang's port mapper does not listen on 127.0.0.1:${ports.epmd}`, {
      retrySafe: true,
      hint: `Look into ${paths.epmdLog}, then run \`swarm broker start\`.`,
    });
  }
  return started.identity;
}

/** Starts the node; its process is the Erlang machine itself. @param tree root with `sbin` and `plugins` */
export async function startNode(paths: BrokerPaths, ports: BrokerPorts, tree: string): Promise<Started | null> {
  return startDetached(path.join(tree, 'sbin', 'rabbitmq-server'), [], {
    cwd: paths.dir,
    env: nodeEnvironment(paths, ports, tree, searchPath()),
    log: paths.stdout,
  });
}

/** Waits until the node answers AMQP. False: the process ended, or the time is over. */
export function waitReady(
  port: number,
  options: { timeoutMs: number; ended: () => boolean; signal?: AbortSignal | undefined },
): Promise<boolean> {
  return pollUntil(() => amqpAnswers(port, 2_000), {
    intervalMs: READY_POLL_MS,
    timeoutMs: options.timeoutMs,
    stop: options.ended,
    signal: options.signal,
  });
}

export function nodeEnded(started: Started): boolean {
  return hasEnded(started.child);
}

function tail(file: string, lines: number): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The last lines that show why a start failed: of the node's output, else of its log. */
export function lastLogLines(paths: BrokerPaths, count = 12): string[] {
  const printed = tail(paths.stdout, count);
  return printed.length > 0 ? printed : tail(path.join(paths.log, `${NODE_NAME}.log`), count);
}
