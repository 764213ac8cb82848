import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bootId,
  descendants,
  endTree,
  findMarked,
  identityOf,
  isAlive,
  readMark,
  scanProcesses,
  treeUsage,
} from '../../../src/process/index.ts';
import { psKernel } from '../../../src/process/ps.ts';
import { eventually } from '../../support/eventually.ts';

const NAME = 'SWARM_TEST_MARK';
let mark: string;
let children: ChildProcess[];

beforeEach(() => {
  mark = `test-${randomUUID()}/worker-1`;
  children = [];
});

/** No process that a test started may outlive it. */
afterEach(async () => {
  const left = findMarked(NAME, mark.split('/')[0] ?? '');
  for (const { identity } of left) process.kill(identity.pid, 'SIGKILL');
  for (const child of children) child.kill('SIGKILL');
  await eventually(() => findMarked(NAME, mark.split('/')[0] ?? '')).toEqual([]);
  expect(left).toEqual([]);
});

/** Runs a shell script that prints one line when it is ready. */
async function start(
  script: string,
  value = `${mark}/t1/1`,
): Promise<{ child: ChildProcess; pid: number; line: string }> {
  const child = spawn('bash', ['-c', script], {
    env: { ...process.env, [NAME]: value },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  const line = await new Promise<string>((resolve) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return { child, pid: child.pid ?? 0, line };
}

function rootOf(pid: number): NonNullable<ReturnType<typeof identityOf>> {
  const identity = identityOf(pid);
  if (identity === null) throw new Error(`no process ${pid}`);
  return identity;
}

const prefixed = () => ({ name: NAME, prefix: mark });
const pidsLeft = () => findMarked(NAME, mark).map(({ identity }) => identity.pid);

describe('identity', () => {
  test('a process is alive until it is a zombie, also while it is stopped', async () => {
    const { child, pid } = await start('echo up; exec sleep 100');
    const identity = rootOf(pid);
    expect(identity).toEqual({ pid, startTime: expect.stringMatching(/^\d+$/), bootId: bootId() });
    expect(isAlive(identity)).toBe(true);
    child.kill('SIGSTOP');
    await eventually(() => scanProcesses().rows.get(pid)?.state).toBe('T');
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, startTime: '1' })).toBe(false);
    expect(isAlive({ ...identity, bootId: 'another' })).toBe(false);
    child.kill('SIGKILL');
    await eventually(() => isAlive(identity)).toBe(false);
  });

  test('a zombie without a parent that waits for it counts as dead', async () => {
    // exec replaces the shell that would have waited for its child.
    const { child, line } = await start('sleep 0.05 & echo $!; exec sleep 100');
    const zombie = Number(line);
    await eventually(() => scanProcesses().rows.get(zombie)?.state).toBe('Z');
    expect(identityOf(zombie)).toBeNull();
    await endTree({ roots: [rootOf(child.pid ?? 0)], graceMs: 1000 });
  });

  test('marks are read from the environment, through exec and sessions', async () => {
    const { child, line } = await start('setsid sleep 100 & echo $!; exec sleep 100');
    expect(readMark(child.pid ?? 0, NAME)).toBe(`${mark}/t1/1`);
    await eventually(() => readMark(Number(line), NAME)).toBe(`${mark}/t1/1`);
    expect(readMark(child.pid ?? 0, 'SWARM_NO_SUCH')).toBeNull();
    expect(readMark(2 ** 22 - 1, NAME)).toBeNull();
    expect(findMarked(NAME, mark)).toHaveLength(2);
    expect(findMarked(NAME, mark.slice(0, -1))).toEqual([]);
    await endTree({ roots: [rootOf(child.pid ?? 0)], graceMs: 1000 });
  });
});

describe('endTree', () => {
  test('a tree that obeys is gone within milliseconds, without SIGKILL', async () => {
    const { pid } = await start('sleep 100 & sleep 100 & echo up; wait');
    const begun = performance.now();
    expect(await endTree({ roots: [rootOf(pid)], mark: prefixed(), graceMs: 5000 })).toEqual({
      survivors: [],
      found: 3,
      killed: 0,
    });
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(pidsLeft()).toEqual([]);
  });

  test('children in their own sessions, double-forked, deaf to SIGTERM and stopped are all gone', async () => {
    const { pid } = await start(`
      setsid sleep 100 &
      (setsid bash -c 'trap "" TERM HUP INT; while :; do sleep 0.05; done' </dev/null >/dev/null 2>&1 &) 
      (nohup setsid sleep 100 </dev/null >/dev/null 2>&1 &)
      bash -c 'trap "" TERM; kill -STOP $$; sleep 100' &
      trap "" TERM
      sleep 0.2; echo up; while :; do sleep 1; done`);
    const result = await endTree({ roots: [rootOf(pid)], mark: prefixed(), graceMs: 300 });
    expect(result.survivors).toEqual([]);
    expect(result.found).toBeGreaterThanOrEqual(6);
    expect(result.killed).toBeGreaterThanOrEqual(3);
    expect(pidsLeft()).toEqual([]);
  });

  test('what a dead root left in its session is found without a mark', async () => {
    const child = spawn('bash', ['-c', 'sleep 100 & (env -i sleep 100 &) ; echo up; wait'], {
      detached: true,
      env: { ...process.env, [NAME]: `${mark}/t1/1` },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const root = rootOf(child.pid ?? 0);
    process.kill(root.pid, 'SIGKILL');
    await eventually(() => isAlive(root)).toBe(false);
    const followers = () => [...scanProcesses().rows.values()].filter((row) => row.session === root.pid && row.alive);
    await eventually(() => followers().map(({ command }) => command)).toEqual(['sleep', 'sleep']);
    expect((await endTree({ roots: [root], graceMs: 1000 })).survivors).toEqual([]);
    expect(followers()).toEqual([]);
  });

  test('what hides by its own session and an empty environment is found by descent', async () => {
    const { pid, line } = await start('env -i setsid sleep 100 & echo $!; wait');
    const hidden = Number(line);
    await eventually(() => scanProcesses().rows.get(hidden)?.command).toBe('sleep');
    expect((await endTree({ roots: [rootOf(pid)], graceMs: 1000 })).survivors).toEqual([]);
    expect(identityOf(hidden)).toBeNull();
  });

  test('a stopped process may still act on SIGTERM', async () => {
    const { child, pid } = await start(`trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done`);
    child.kill('SIGSTOP');
    await eventually(() => scanProcesses().rows.get(pid)?.state).toBe('T');
    const exit = new Promise((resolve) => child.once('exit', resolve));
    expect((await endTree({ roots: [rootOf(pid)], graceMs: 5000 })).killed).toBe(0);
    expect(await exit).toBe(7);
  });

  test('a tree that forks all the time does not get away', async () => {
    // It ends by itself after a minute at most: processes that got away would fork for ever.
    const { pid } = await start(`
      trap "" TERM
      export HOPS=3000
      hop() { (( HOPS-- > 0 )) || return; setsid bash -c 'trap "" TERM; '"$(declare -f hop)"'; sleep 0.01; hop' </dev/null >/dev/null 2>&1 & }
      hop; hop; echo up; while :; do sleep 0.01; done`);
    expect((await endTree({ roots: [rootOf(pid)], mark: prefixed(), graceMs: 200 })).survivors).toEqual([]);
    expect(pidsLeft()).toEqual([]);
  });

  test('an abort ends the grace at once', async () => {
    const { pid } = await start('trap "" TERM; echo up; while :; do sleep 0.1; done');
    const begun = performance.now();
    const result = await endTree({ roots: [rootOf(pid)], graceMs: 30_000, signal: AbortSignal.timeout(100) });
    expect(result.survivors).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });

  test('the spared and a neighbour of a like name live on', async () => {
    const neighbour = await start('echo up; exec sleep 100', `${mark}0/t1/1`);
    const { pid, line } = await start('sleep 100 & echo $!; sleep 100');
    const spared = rootOf(Number(line));
    expect(
      (await endTree({ roots: [rootOf(pid)], mark: prefixed(), graceMs: 1000, spare: [spared.pid, neighbour.pid] }))
        .survivors,
    ).toEqual([]);
    expect(isAlive(spared)).toBe(true);
    expect(isAlive(rootOf(neighbour.pid))).toBe(true);
    await endTree({ roots: [spared, rootOf(neighbour.pid)], graceMs: 1000 });
  });

  test('a tree that is gone already is proved so', async () => {
    const { child, pid } = await start('echo up; exec sleep 100');
    const root = rootOf(pid);
    child.kill('SIGKILL');
    await eventually(() => isAlive(root)).toBe(false);
    expect(await endTree({ roots: [root], mark: prefixed(), graceMs: 5000 })).toEqual({
      survivors: [],
      found: 0,
      killed: 0,
    });
  });
});

test('a busy tree is seen busy', async () => {
  const { pid } = await start('(while :; do :; done) & echo up; wait');
  const before = scanProcesses();
  let usage = treeUsage(null, before, pid);
  expect(usage).toMatchObject({ processes: 2, cpuPercent: null });
  expect(usage?.rssBytes).toBeGreaterThan(1_000_000);
  // Its share of the processors, also on a machine that other programs keep busy.
  await eventually(() => (usage = treeUsage(before, scanProcesses(), pid))?.cpuPercent).toBeGreaterThan(3);
  await endTree({ roots: [rootOf(pid)], graceMs: 1000 });
});

describe('ps, for systems without /proc', () => {
  test('tells of a process what /proc tells', async () => {
    const ps = psKernel();
    const { pid } = await start('echo up; sleep 100; true');
    const here = scanProcesses().rows.get(pid);
    const there = ps.rows().find((each) => each.pid === pid);
    expect(there).toMatchObject({ pid, ppid: process.pid, pgrp: here?.pgrp, alive: true, command: 'bash' });
    expect(ps.row(pid)).toEqual(there);
    expect(ps.row(2 ** 22 - 1)).toBeNull();
    expect(ps.variable(pid, NAME)).toBe(`${mark}/t1/1`);
    expect(ps.variables(NAME).values.get(pid)).toBe(`${mark}/t1/1`);
    expect(descendants(process.pid, scanProcesses(ps)).map((each) => each.pid)).toContain(pid);
    await endTree({ roots: [rootOf(pid)], graceMs: 1000 });
  });
});
