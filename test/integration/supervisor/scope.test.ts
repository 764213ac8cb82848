import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scopeArgv } from '../../../src/cli/project/scope.ts';
import { isolatedEnvironment, type IsolatedEnvironment } from '../../support/environment.ts';
import { temporaryRepository } from '../../support/repository.ts';
import { runSwarm } from '../../support/swarm.ts';

/** A systemd-run that notes its arguments, and becomes the program as the real one does. */
const FAKE = `#!/bin/sh
echo "$*" >> "$HOME/asked"
case "$REFUSED" in all) exit 1;; property) case "$*" in *OOMPolicy*) exit 1;; esac;; esac
while [ "$1" != -- ]; do shift; done
shift
[ "$1" = true ] || export IN_SCOPE=yes
exec "$@"
`;

let environment: IsolatedEnvironment;
let env: Record<string, string>;

beforeAll(async () => {
  environment = await isolatedEnvironment({ graceMs: 5_000 });
  const bin = path.join(environment.directory, 'bin');
  await mkdir(bin);
  await mkdir(path.join(environment.runtimeDir, 'systemd'), { recursive: true });
  await writeFile(path.join(environment.runtimeDir, 'systemd', 'private'), '');
  await writeFile(path.join(bin, 'systemd-run'), FAKE);
  await chmod(path.join(bin, 'systemd-run'), 0o755);
  env = { ...environment.variables, PATH: `${bin}:${environment.variables['PATH'] ?? ''}` };
});
afterAll(() => environment[Symbol.asyncDispose]());

test("a scope of the user's own systemd is used as far as it works", async () => {
  const all = await scopeArgv('shop', env);
  expect(all.slice(0, 3)).toEqual(['systemd-run', '--user', '--scope']);
  expect(all.slice(-2)).toEqual(['--property=OOMPolicy=continue', '--']);
  expect(await scopeArgv('shop', { ...env, REFUSED: 'property' })).toEqual(all.toSpliced(-2, 1));
  expect(await scopeArgv('shop', { ...env, REFUSED: 'all' })).toEqual([]);
  expect(await scopeArgv('shop', { ...env, XDG_RUNTIME_DIR: environment.home })).toEqual([]);
  expect(await scopeArgv('shop', { ...env, PATH: '/nowhere' })).toEqual([]);
});

test('the supervisor is started in it, and with it everything', async () => {
  const repository = await temporaryRepository({
    parent: environment.directory,
    files: { 'swarm.yaml': 'agents: {worker: {count: 0}, runner: {kind: shell}}\nstopGrace: 1s\n' },
  });
  const run = (...args: string[]) => runSwarm(environment, repository.path, args, { variables: env });
  const up = await run('up', '--detach', '--yes', '--json');
  expect(up.exitCode, up.stderr).toBe(0);
  const { supervisor } = (await run('status', '--json')).json<{ supervisor: { pid: number } }>();
  expect(await readFile(`/proc/${supervisor.pid}/environ`, 'utf8')).toContain('IN_SCOPE=yes');
  const asked = (await readFile(path.join(environment.home, 'asked'), 'utf8')).trim().split('\n');
  expect(asked.at(-1)).toMatch(/^--user --scope .* -- \S*node .*supervisor\.js --root /);
  expect((await run('down')).exitCode).toBe(0);
});
