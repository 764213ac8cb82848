import { existsSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import { isAlive } from '../process/index.ts';
import { waitReady } from './boot.ts';
import { brokerPaths, NODE_NAME } from './config.ts';
import type { BrokerPaths } from './config.ts';
import { directoryError } from './errors.ts';
import { lockBroker } from './lock.ts';
import { amqpAnswers } from './probe.ts';
import { ageMs, endProcess, processesOf } from './processes.ts';
import { prepareDirectory, readBrokerJson, writeBrokerJson } from './broker-json.ts';
import type { BrokerJson } from './broker-json.ts';
import { longestStart, startBroker } from './start.ts';
import { BootProgress } from './boot-progress.ts';
import { addSupervisor, diedInUse, livingSupervisors, removeSupervisor } from './supervisors.ts';
import type { BrokerSupervisor } from './supervisors.ts';

export interface BrokerHandle {
  /** Address with user and password. */
  url: string;
  /** Address without user and password, for people and logs. */
  publicUrl: string;
  port: number;
  pid: number;
  /** ISO 8601 */
  startedAt: string;
  /** Whether this call started it. */
  started: boolean;
  /** What people should know of this start. */
  note: string | null;
}

export interface EnsureOptions {
  /** Directory of the broker, shared by all projects of this user. */
  dir: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((text: string) => void) | undefined;
  /**
   * In milliseconds, default 60,000: how long a starting node may show no sign of work, such as on a machine under load.
   * A wait for the start by another process comes on top.
   */
  timeoutMs?: number | undefined;
}

export type BrokerStatus =
  | {
      state: 'running';
      port: number;
      publicUrl: string;
      pid: number;
      startedAt: string;
      version: string;
      users: BrokerSupervisor[];
    }
  /** The process lives and does not answer: it starts, stops or hangs. */
  | {
      state: 'unresponsive';
      port: number;
      publicUrl: string;
      pid: number;
      startedAt: string;
      version: string;
      users: BrokerSupervisor[];
    }
  | { state: 'stopped'; users: BrokerSupervisor[] };

const DEFAULT_TIMEOUT_MS = 60_000;
/** A node that had been ready and does not answer for so long counts as hung. */
const HUNG_MS = 10_000;
const STOP_GRACE_MS = 15_000;

function publicUrl(record: BrokerJson): string {
  return `amqp://127.0.0.1:${record.ports.amqp}/${encodeURIComponent(record.credentials.vhost)}`;
}

/** With user and password. */
function addressOf({ credentials: { user, password, vhost }, ports }: BrokerJson): string {
  return `amqp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${ports.amqp}/${encodeURIComponent(vhost)}`;
}

function toHandle(record: BrokerJson, started: { note: string | null } | null): BrokerHandle {
  if (record.node === null) throw new SwarmError('internal', 'A broker without a node was taken for a running one');
  return {
    url: addressOf(record),
    publicUrl: publicUrl(record),
    port: record.ports.amqp,
    pid: record.node.pid,
    startedAt: record.node.startedAt,
    started: started !== null,
    note: started?.note ?? null,
  };
}

/**
 * Whether the node in broker.json lives and answers. A node whose starter was killed in the middle of the start gets
 * time to finish.
 */
async function canAdopt(
  paths: BrokerPaths,
  record: BrokerJson,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { node } = record;
  if (node === null || !isAlive(node)) return false;
  const progress = new BootProgress(paths, node.pid, timeoutMs);
  return waitReady(record.ports.amqp, {
    timeoutMs: node.ready ? HUNG_MS : Math.max(HUNG_MS, longestStart(timeoutMs) - ageMs(node)),
    ended: () => !isAlive(node) || !progress.getsOn(),
    signal,
  });
}

/**
 * Sees to it that the private node of `dir` runs. Many processes may call at once: one starts it, the others use that
 * one. The node and its port mapper outlive the caller; data and port stay the same over restarts (a taken port is
 * changed).
 * @throws SwarmError `no-rabbitmq`, `broker-boot-failed`, `broker-port`, `broker-disk-full`, `broker-directory`,
 * `broker-busy`, `broker-stopped`
 */
export async function ensureBroker(options: EnsureOptions): Promise<BrokerHandle> {
  const { signal, onProgress, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  try {
    const paths = await prepareDirectory(options.dir);
    using _lock = await lockBroker(paths.dir, longestStart(timeoutMs), signal);
    const record = readBrokerJson(paths);
    if (record !== null && (await canAdopt(paths, record, timeoutMs, signal))) return toHandle(record, null);
    onProgress?.('starting RabbitMQ');
    const started = await startBroker(paths, record, { timeoutMs, signal, onProgress });
    return toHandle(started.record, started);
  } catch (error) {
    throw directoryError(options.dir, error);
  }
}

/** The state of the broker, read without waiting and without changing anything. */
export async function brokerStatus(dir: string): Promise<BrokerStatus> {
  const paths = brokerPaths(path.resolve(dir));
  const record = readBrokerJson(paths);
  const users = livingSupervisors(paths);
  if (record === null || record.node === null || !isAlive(record.node)) return { state: 'stopped', users };
  const answers = await amqpAnswers(record.ports.amqp, 1_000);
  return {
    state: answers ? 'running' : 'unresponsive',
    port: record.ports.amqp,
    publicUrl: publicUrl(record),
    pid: record.node.pid,
    startedAt: record.node.startedAt,
    version: record.node.version,
    users,
  };
}

/** Makes copies of what only the node holds. @returns whether they are complete; it must end by itself */
export type BeforeStop = (broker: { url: string; copies: string }) => Promise<boolean>;

async function endAll(paths: BrokerPaths, beforeStop: BeforeStop | undefined): Promise<boolean> {
  const record = readBrokerJson(paths);
  const wasAlive = record?.node != null && isAlive(record.node);
  if (record !== null && wasAlive && beforeStop !== undefined && (await amqpAnswers(record.ports.amqp, 1_000)))
    record.copied = await beforeStop({ url: addressOf(record), copies: paths.copies });
  if (record?.node != null) await endProcess(record.node, STOP_GRACE_MS);
  if (record?.epmd != null) await endProcess(record.epmd, 1_000);
  // Helpers of the node, and processes that a killed starter could not write down.
  for (const left of processesOf(paths.dir)) await endProcess(left, 1_000);
  if (record !== null) await writeBrokerJson(paths, { ...record, node: null, epmd: null });
  return wasAlive;
}

/**
 * Ends node and port mapper: SIGTERM, wait, SIGKILL. Data, password and port stay for the next start.
 * @param options.ifUnused leave it running when a living supervisor has joined meanwhile
 * @returns whether a node was running and is now gone
 */
export async function stopBroker(
  dir: string,
  options: { ifUnused?: boolean; signal?: AbortSignal; beforeStop?: BeforeStop } = {},
): Promise<boolean> {
  if (!existsSync(dir)) return false;
  try {
    const paths = await prepareDirectory(dir);
    const inUse = (): boolean => options.ifUnused === true && livingSupervisors(paths).length > 0;
    if (inUse()) return false;
    // A start that takes minutes ends for it. On a full disk the stop works all the same, and waits.
    await writeFile(paths.stopAsked, '').catch(() => undefined);
    try {
      using _lock = await lockBroker(paths.dir, longestStart(DEFAULT_TIMEOUT_MS), options.signal);
      return inUse() ? false : await endAll(paths, options.beforeStop);
    } finally {
      await rm(paths.stopAsked, { force: true });
    }
  } catch (error) {
    throw directoryError(dir, error);
  }
}

/** Notes that a project uses the broker, so that no other stops it. Join first, then `ensureBroker`. */
export async function joinBroker(dir: string, user: BrokerSupervisor): Promise<void> {
  try {
    const paths = await prepareDirectory(dir);
    using _lock = await lockBroker(paths.dir, longestStart(DEFAULT_TIMEOUT_MS));
    await addSupervisor(paths, user);
  } catch (error) {
    throw directoryError(dir, error);
  }
}

/**
 * Notes that a project no longer uses the broker.
 * @returns `last`: no living supervisor uses it any more; then `stopBroker(dir, { ifUnused: true })`
 */
export async function leaveBroker(dir: string, project: string): Promise<{ last: boolean }> {
  if (!existsSync(dir)) return { last: true };
  try {
    const paths = await prepareDirectory(dir);
    using _lock = await lockBroker(paths.dir, longestStart(DEFAULT_TIMEOUT_MS));
    return { last: (await removeSupervisor(paths, project)).length === 0 };
  } catch (error) {
    throw directoryError(dir, error);
  }
}

/**
 * Leaves the broker in the place of a project's supervisor that was killed before it could; the last stops it. Does
 * nothing where no such supervisor used it: a node that a person started stays.
 * @returns whether a node was running and is now gone
 */
export async function leaveForDead(dir: string, project: string, beforeStop?: BeforeStop): Promise<boolean> {
  if (!diedInUse(brokerPaths(path.resolve(dir)), project)) return false;
  const { last } = await leaveBroker(dir, project);
  return last && (await stopBroker(dir, { ifUnused: true, ...(beforeStop === undefined ? {} : { beforeStop }) }));
}

/**
 * The log files that exist: the node's own (made with its first warning), its output, the port mapper's, older ones.
 */
export function brokerLogFiles(dir: string): string[] {
  const { log, stdout, epmdLog } = brokerPaths(path.resolve(dir));
  const present = existsSync(log) ? readdirSync(log).map((name) => path.join(log, name)) : [];
  const first = [path.join(log, `${NODE_NAME}.log`), stdout, epmdLog];
  return [...new Set([...first, ...present.toSorted()])].filter((file) => present.includes(file));
}
