import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isolatedEnvironment } from '../../support/environment.ts';
import { processesOf } from '../../support/processes.ts';

test('nothing of the person’s environment is in an isolated one', async () => {
  await using environment = await isolatedEnvironment({
    anthropicBaseUrl: 'http://127.0.0.1:1',
    variables: { TERM: undefined },
  });
  const names = ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_BASE_URL', 'BUN_JSC_useDFGJIT', 'HOME', 'LANG', 'PATH', 'TMPDIR'];
  const xdg = ['XDG_CONFIG_HOME', 'XDG_RUNTIME_DIR', 'XDG_STATE_HOME'];
  expect(Object.keys(environment.variables).toSorted()).toEqual([...names, ...xdg]);
  expect(environment.runtimeDir.length).toBeLessThan(30);
});

test('an environment that ends with a process alive fails, and ends that process', async () => {
  const environment = await isolatedEnvironment({ graceMs: 100 });
  const child = spawn('/bin/sh', ['-c', 'trap "" TERM; while :; do sleep 1; done'], {
    env: environment.variables,
    cwd: '/',
    detached: true,
    stdio: 'ignore',
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await expect.poll(() => processesOf(environment.directory).length).toBeGreaterThan(0);
  await expect(environment[Symbol.asyncDispose]()).rejects.toThrow(/still alive:\n {2}\d+ .*sh/);
  await exited;
  expect(processesOf(environment.directory)).toEqual([]);
  expect(existsSync(environment.directory)).toBe(false);
});
