import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { test } from 'vitest';
import { ensureBroker, joinBroker, leaveBroker, stopBroker } from '../../src/broker/index.ts';
import type { BrokerHandle } from '../../src/broker/index.ts';
import { processesOf } from '../../src/broker/processes.ts';
import { identityOf } from '../../src/process/index.ts';
import type { IsolatedEnvironment } from './environment.ts';

/** A directory for a broker that is removed together with every process of the broker in it. */
export interface BrokerDirectory extends AsyncDisposable {
  dir: string;
  /** Every living process of this broker: node, helpers, port mapper. */
  processes(): number[];
}

export async function brokerDirectory(): Promise<BrokerDirectory> {
  const dir = await mkdtemp(path.join(tmpdir(), 'swarm-broker-'));
  const processes = (): number[] => processesOf(dir).map((identity) => identity.pid);
  return {
    dir,
    processes,
    [Symbol.asyncDispose]: async () => {
      await stopBroker(dir);
      const left = processes();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
      if (left.length > 0) throw new Error(`the broker left processes: ${left.join(' ')}`);
    },
  };
}

/** A running private broker. Give each test its own project name: names of queues are prefixed by it. */
export interface TestBroker extends BrokerDirectory {
  /** Handle of the latest start. */
  handle: BrokerHandle;
  url: string;
  /** Ends the node as a crash would: SIGKILL, nothing else. */
  kill(): void;
  /**
   * Stops it in order and starts it again. A queue declared a moment before SIGKILL is lost in some percent of kills,
   * with its messages; an orderly stop writes it into the tables.
   */
  settle(): Promise<BrokerHandle>;
  /** Starts it when it does not run; same data, port and password. */
  ensure(): Promise<BrokerHandle>;
}

export async function startTestBroker(): Promise<TestBroker> {
  const directory = await brokerDirectory();
  const { dir } = directory;
  const handle = await ensureBroker({ dir });
  const broker: TestBroker = {
    ...directory,
    handle,
    url: handle.url,
    kill: () => void process.kill(broker.handle.pid, 'SIGKILL'),
    settle: async () => {
      await stopBroker(dir);
      return broker.ensure();
    },
    ensure: async () => {
      broker.handle = await ensureBroker({ dir });
      broker.url = broker.handle.url;
      return broker.handle;
    },
  };
  return broker;
}

/** `test` with one broker per file: `brokerTest('…', async ({ broker }) => …)`. */
export const brokerTest = test.extend('broker', { scope: 'file' }, async ({}, { onCleanup }) => {
  const broker = await startTestBroker();
  onCleanup(() => broker[Symbol.asyncDispose]());
  return broker;
});

/**
 * Another project of the same person: while it is up, a `down` leaves the broker running, and the next `up` need not spend
 * two seconds of a processor on starting it.
 */
export async function keepBroker({ stateHome }: Pick<IsolatedEnvironment, 'stateHome'>): Promise<AsyncDisposable> {
  const dir = path.join(stateHome, 'swarm/broker');
  const me = identityOf(process.pid);
  if (me === null) throw new Error('this process is not in the process table');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await joinBroker(dir, { project: 'another', ...me });
  return {
    [Symbol.asyncDispose]: async () => {
      await leaveBroker(dir, 'another');
      await stopBroker(dir, { ifUnused: true });
    },
  };
}
