import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isRunning } from '../../../src/lib/running.ts';
import { runLean, type LeanRunOptions } from '../../../src/process/run-lean.ts';
import { run } from '../../../src/process/run.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'run-'));
afterAll(() => rmSync(dir, { recursive: true }));
const env = { PATH: process.env['PATH'], GREETING: 'hello' };

describe.each([
  ['run', run],
  ['runLean', runLean],
])('%s', (_, door) => {
  const sh = (script: string, options: Partial<LeanRunOptions> = {}) => door(['sh', '-c', script], { env, ...options });

  test('gives back every byte, and what was said beside them', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (__, at) => at));
    const end = await sh('cat; echo "said" >&2', { input: Buffer.concat([all, Buffer.from('\n')]) });
    expect(end).toMatchObject({ exitCode: 0, signal: null, stderr: 'said\n', by: 'itself' });
    expect(end.stdout).toEqual(Buffer.concat([all, Buffer.from('\n')]));
  });

  test('gives as much as a large repository has to say', async () => {
    const { stdout } = await sh('head -c 20000000 /dev/zero');
    expect(stdout).toHaveLength(20_000_000);
  });

  test('an exit code is an answer, and one that reads nothing has not failed', async () => {
    expect(await sh('exec <&-; exit 3', { input: Buffer.alloc(1_000_000) })).toMatchObject({
      exitCode: 3,
      by: 'itself',
    });
    expect(await sh('exec <&-; exit 0', { input: Buffer.alloc(1_000_000) })).toMatchObject({ exitCode: 0 });
  });

  test('the environment and the directory are those that were told, and there is nothing to read', async () => {
    process.env['RUN_TEST_OWN'] = 'ours';
    const { stdout } = await sh('pwd -P; echo "$GREETING,$RUN_TEST_OWN,$(cat)"', { cwd: dir });
    delete process.env['RUN_TEST_OWN'];
    expect(stdout.toString()).toMatch(/\/run-\w+\nhello,,\n$/);
  });

  test.each([
    ['a program that is not there', ['no-such-program'], {}, 'ENOENT'],
    ['a directory that is not there', ['true'], { cwd: '/nonexistent' }, 'ENOENT'],
    ['an argument beyond what the system takes', ['true', 'x'.repeat(200_000)], {}, 'E2BIG'],
  ])('%s is an error of the system', async (__, argv, options, code) => {
    await expect(door(argv, { env, ...options })).rejects.toMatchObject({ code });
  });

  test('aborted before, it is not started, and the reason is told', async () => {
    const marker = path.join(dir, 'started');
    const signal = AbortSignal.abort(new Error('not any more'));
    await expect(sh(`touch ${marker}`, { signal })).rejects.toThrow('not any more');
    expect(() => readFileSync(marker)).toThrow('ENOENT');
  });

  test('a program that is deaf to SIGTERM ends with the grace, and with it what it has started', async () => {
    const abort = new AbortController();
    const file = path.join(dir, `deaf-${door.name}`);
    const running = sh(`trap '' TERM; sleep 600 & echo $! > ${file}; while :; do wait; done`, {
      signal: abort.signal,
      graceMs: 100,
    });
    await expect.poll(() => pidIn(file)).toBeGreaterThan(0);
    abort.abort();
    expect(await running).toMatchObject({ exitCode: null, signal: 'SIGKILL', by: 'abort' });
    await expect.poll(() => isRunning(pidIn(file))).toBe(false);
  });

  test('a grandchild that is deaf and holds nothing does not outlive what was ended', async () => {
    const script = `(trap '' TERM; exec sleep 600) >/dev/null 2>&1 & echo $!; exec sleep 600`;
    const end = await sh(script, { timeoutMs: 200, graceMs: 5_000 });
    expect(end).toMatchObject({ signal: 'SIGTERM', by: 'timeout' });
    await expect.poll(() => isRunning(Number(end.stdout))).toBe(false);
  });

  test('what has left the group and holds the output is not waited for once the end is asked for', async () => {
    const began = performance.now();
    const end = await sh('setsid sleep 60 & echo $!; exec sleep 60', { timeoutMs: 200 });
    expect(end).toMatchObject({ signal: 'SIGKILL', by: 'timeout' });
    expect(performance.now() - began).toBeLessThan(20_000);
    process.kill(Number(end.stdout), 'SIGKILL');
  });

  test('one that has ended itself while something else holds the output ends with the time, as what it was', async () => {
    const end = await sh('setsid sleep 60 & echo $!', { timeoutMs: 300 });
    expect(end).toMatchObject({ exitCode: 0, by: 'timeout' });
    process.kill(Number(end.stdout), 'SIGKILL');
  });
});

describe('run alone', () => {
  const sh = (script: string, options: Partial<Parameters<typeof run>[1]> = {}) =>
    run(['sh', '-c', script], { env, ...options });

  test('output goes into a file of ours, without a way through us', async () => {
    const file = path.join(dir, 'output');
    const output = openSync(file, 'a');
    const end = await sh('echo one; echo two >&2; readlink /proc/self/fd/1', { output });
    closeSync(output);
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    expect(end.stdout).toHaveLength(0);
    expect(readFileSync(file, 'utf8').split('\n')).toEqual(['one', 'two', expect.stringMatching(/output$/), '']);
  });

  test('it is heard as it comes', async () => {
    const abort = new AbortController();
    const heard: string[] = [];
    const end = await sh('echo first; sleep 600', {
      signal: abort.signal,
      onOutput: (chunk) => {
        heard.push(chunk.toString());
        abort.abort();
      },
    });
    expect(heard).toEqual(['first\n']);
    expect(end).toMatchObject({ by: 'abort' });
  });

  test('too much output ends it', async () => {
    const end = await sh('yes', { mostBytes: 100_000 });
    expect(end.by).toBe('output');
    // By the kill, or by its own error for the broken pipe, whichever is quicker.
    expect(end.exitCode).not.toBe(0);
  });

  test.each([
    ['always-end', false],
    ['end', true],
    ['spare', true],
  ] as const)('what is left of the group of one that ended itself: %s', async (leftovers, lives) => {
    const end = await sh('sleep 600 >/dev/null 2>&1 & echo $!', { leftovers });
    const pid = Number(end.stdout);
    if (lives) {
      expect(isRunning(pid)).toBe(true);
      process.kill(pid, 'SIGKILL');
    }
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});

function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    // Not written yet.
    return 0;
  }
}

test('run, aborted while it gets ready, starts nothing', async () => {
  const abort = new AbortController();
  const marker = path.join(dir, 'started-late');
  const running = run(['touch', marker], { env, signal: abort.signal });
  abort.abort(new Error('not any more'));
  await expect(running).rejects.toThrow('not any more');
  expect(() => readFileSync(marker)).toThrow('ENOENT');
});
