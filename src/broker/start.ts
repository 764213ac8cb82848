import { existsSync, statfsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { SwarmError } from '../domain/errors.ts';
import { isAlive } from '../process/index.ts';
import { lastLogLines, nodeEnded, startEpmd, startNode, waitReady } from './boot.ts';
import type { BrokerPaths } from './config.ts';
import { bootFailed, directoryError, noRabbitmq } from './errors.ts';
import { BootProgress } from './boot-progress.ts';
import { findRabbitmq, makeSlimTree, slimTree } from './install.ts';
import type { RabbitmqInstall, SlimTree } from './install.ts';
import { accepts, chooseFreePort, isPortFree } from './probe.ts';
import { endProcess, processesOf } from './processes.ts';
import { newCredentials, writeNodeFiles, writeBrokerJson } from './broker-json.ts';
import type { BrokerJson } from './broker-json.ts';
import { asideText, putAside, refusesData } from './data-version.ts';

export interface StartOptions {
  /** Without a sign that the node gets on; half of it for the core applications alone. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((text: string) => void) | undefined;
}

const MIN_FREE_BYTES = 64 * 1024 * 1024;
const PORT_TRIES = 3;
/** More lines than a failed start prints. */
const WHOLE_OUTPUT = 1_000;
/** How many times `timeoutMs` a start may take that does get on. */
const LONGEST = 5;

/** The longest time that one start takes, ms. */
export function longestStart(timeoutMs: number): number {
  return timeoutMs * LONGEST;
}

/**
 * A working node that broker.json does not name may have been given a queue just now: SIGKILL could cost that queue.
 */
const UNKNOWN_GRACE_MS = 5_000;

/** Ends every process of an earlier start that still lives: known by identity, or by the mark in its environment. */
async function clearLeftovers(
  paths: BrokerPaths,
  record: BrokerJson | null,
  keepEpmd: boolean,
  graceMs = 0,
): Promise<void> {
  if (record?.node != null) await endProcess(record.node, 0);
  const epmd = record?.epmd ?? null;
  for (const left of processesOf(paths.dir)) {
    if (keepEpmd && left.pid === epmd?.pid && left.startTime === epmd.startTime) continue;
    if (!(await endProcess(left, graceMs))) {
      throw new SwarmError('broker-stuck', `Process ${left.pid} of an earlier broker cannot be ended`, {
        retrySafe: true,
        hint: `Look at it with \`ps -p ${left.pid}\`; it may hang on a disk.`,
      });
    }
  }
}

/** The ports of the last start where they are free, else new ones. */
async function settlePorts(record: BrokerJson | null, keepEpmd: boolean): Promise<BrokerJson['ports']> {
  const taken = new Set<number>();
  const settle = async (wanted: number | undefined, keep = false): Promise<number> => {
    const good = wanted !== undefined && (keep || (await isPortFree(wanted)));
    const port = good ? wanted : await chooseFreePort(taken);
    taken.add(port);
    return port;
  };
  return {
    amqp: await settle(record?.ports.amqp),
    epmd: await settle(record?.ports.epmd, keepEpmd),
    dist: await settle(record?.ports.dist),
  };
}

/** `ended`: the node ended by itself, so that another try with the same would end the same way. `lines` are the last. */
type Attempt =
  | { ready: true }
  | { ready: false; ended: boolean; refusesData: boolean; detail: string; lines: string[] };

/** One try with one tree of plugins; null: all of them. A failed try leaves no process behind. */
async function attempt(
  paths: BrokerPaths,
  record: BrokerJson,
  install: RabbitmqInstall,
  slim: SlimTree | null,
  options: StartOptions & { longestMs: number },
): Promise<Attempt> {
  const root = slim === null ? install.home : await makeSlimTree(install, slim, paths.dir);
  record.node = null;
  const started = await startNode(paths, record.ports, root);
  try {
    if (started === null)
      return { ready: false, ended: true, refusesData: false, detail: 'it ended at once', lines: lastLogLines(paths) };
    record.node = {
      ...started.identity,
      startedAt: new Date().toISOString(),
      version: install.version,
      tree: slim === null ? 'full' : 'slim',
      ready: false,
    };
    await writeBrokerJson(paths, record);
    const ended = (): boolean => nodeEnded(started);
    const progress = new BootProgress(paths, started.identity.pid, options.timeoutMs);
    const ready = await waitReady(record.ports.amqp, {
      timeoutMs: options.longestMs,
      ended: () => ended() || existsSync(paths.stopAsked) || !progress.getsOn(),
      signal: options.signal,
    });
    if (!ready && existsSync(paths.stopAsked)) throw stopped();
    if (ready && isAlive(started.identity)) return { ready: true };
    const detail = ended()
      ? `it ended with ${started.child.exitCode ?? started.child.signalCode}`
      : progress.getsOn()
        ? `no answer within ${Math.round(options.longestMs)} ms`
        : `no answer, and no sign of work within ${Math.round(options.timeoutMs)} ms`;
    const [lines, byItself] = [lastLogLines(paths), ended()];
    const refused = byItself && refusesData(lastLogLines(paths, WHOLE_OUTPUT));
    await clearLeftovers(paths, record, true);
    return { ready: false, ended: byItself, refusesData: refused, detail, lines };
  } catch (error) {
    await clearLeftovers(paths, record, false);
    throw error;
  }
}

function stopped(): SwarmError {
  return new SwarmError('broker-stopped', 'The start of RabbitMQ was ended by a stop', {
    retrySafe: true,
    hint: 'Run `swarm broker start` to start it again.',
  });
}

function failure(paths: BrokerPaths, last: { detail: string; lines: string[] }): SwarmError {
  const text = last.lines.join('\n');
  const { bavail, bsize } = statfsSync(paths.dir);
  if (/enospc|edquot/i.test(text) || bavail * bsize < MIN_FREE_BYTES) {
    return directoryError(paths.dir, Object.assign(new Error(last.detail), { code: 'ENOSPC' })) as SwarmError;
  }
  if (/eaddrinuse/i.test(text)) {
    return new SwarmError('broker-port', `A port of the broker is taken again and again: ${last.detail}`, {
      retrySafe: true,
      hint: 'Run `swarm broker start` again.',
    });
  }
  const cure = existsSync(paths.data)
    ? `Read ${paths.log}; when its data are damaged, move ${paths.data} away (tasks are safe in the store), then run \`swarm broker start\`.`
    : `Read ${paths.log}, then run \`swarm broker start\`.`;
  return bootFailed(paths.dir, last.detail, last.lines, cure);
}

/**
 * Starts epmd and node with the existing data, as far as this RabbitMQ reads them. The caller holds the lock, and knows
 * that no node lives.
 * @returns with a note for people
 */
export async function startBroker(
  paths: BrokerPaths,
  previous: BrokerJson | null,
  options: StartOptions,
): Promise<{ record: BrokerJson; note: string | null }> {
  const install = await findRabbitmq();
  if (install === null) throw noRabbitmq('no `sbin/rabbitmq-server` in the usual places');
  const { signal } = options;
  // One that is left was asked of an earlier start.
  await rm(paths.stopAsked, { force: true });
  const deadline = performance.now() + longestStart(options.timeoutMs);
  const keepEpmd = previous?.epmd != null && isAlive(previous.epmd) && (await accepts(previous.ports.epmd));
  await clearLeftovers(paths, previous, keepEpmd, UNKNOWN_GRACE_MS);
  const record: BrokerJson = {
    v: 1,
    ports: await settlePorts(previous, keepEpmd),
    credentials: previous?.credentials ?? newCredentials(),
    node: null,
    epmd: keepEpmd ? previous.epmd : null,
    slimFailed: previous?.slimFailed ?? null,
    dataVersion: previous?.dataVersion ?? (previous?.node?.ready === true ? previous.node.version : null),
    putAside: previous?.putAside ?? null,
    copied: false,
  };
  const beginAnew = async (refused: boolean): Promise<boolean> => {
    const [written, by, complete] = [record.dataVersion, install.version, previous?.copied ?? false];
    const aside = await putAside(paths, { written, by, complete, refused });
    if (aside !== null) {
      record.dataVersion = null;
      record.putAside = asideText(aside);
      options.onProgress?.(record.putAside);
    }
    await writeNodeFiles(paths, record);
    return aside !== null;
  };
  await beginAnew(false);
  await writeBrokerJson(paths, record);

  const core = slimTree(install);
  let slim = core !== null && record.slimFailed !== core.name ? core : null;
  let broken: SlimTree | null = null;
  try {
    for (let portTries = 0; ;) {
      record.epmd ??= await startEpmd(paths, record.ports, signal);
      const left = Math.max(1_000, deadline - performance.now());
      const share = slim === null ? 1 : 0.5;
      const result = await attempt(paths, record, install, slim, {
        ...options,
        timeoutMs: options.timeoutMs * share,
        longestMs: left * share,
      });
      if (result.ready) break;
      if (result.lines.some((line) => /eaddrinuse/i.test(line)) && ++portTries < PORT_TRIES) {
        record.ports = await settlePorts(record, true);
        await writeNodeFiles(paths, record);
      } else if (result.refusesData && record.putAside === null && (await beginAnew(true))) {
        // The same once more without them; new data that are refused are another trouble.
      } else if (slim !== null) {
        options.onProgress?.('RabbitMQ did not start with its core applications alone: trying all of them');
        await rename(paths.stdout, paths.slimStdout);
        if (result.ended) broken = slim;
        slim = null;
      } else {
        throw failure(paths, result);
      }
    }
    if (record.node !== null) record.node.ready = true;
    record.dataVersion = install.version;
    const note = record.putAside;
    record.putAside = null;
    if (broken !== null) record.slimFailed = broken.name;
    await writeBrokerJson(paths, record);
    return { record, note };
  } catch (error) {
    await clearLeftovers(paths, record, false);
    throw error;
  }
}
