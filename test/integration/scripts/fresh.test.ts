import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test as base, expect } from 'vitest';
import { type IsolatedEnvironment, isolatedEnvironment, repositoryRoot } from '../../support/environment.ts';
import { ownMounts } from '../../support/own-mounts.ts';
import { temporaryCheckout } from './checkout.ts';

const test = base
  .extend('environment', async ({}, { onCleanup }) => {
    const environment = await isolatedEnvironment();
    onCleanup(() => environment[Symbol.asyncDispose]());
    return environment;
  })
  .extend('checkout', ({ environment }) => temporaryCheckout(environment));

const REFUSING = '#!/bin/sh\necho unshare failed: Operation not permitted >&2\nexit 1\n';
/** A user to whom no machine grants ids. */
const STRANGER = '#!/bin/sh\ncase $1 in -u) echo 4242424 ;; *) echo stranger ;; esac\n';
/** As that of coreutils 9.10, which ends at once where its parent has the id 1. */
const NEWER_TIMEOUT = '#!/bin/sh\n[ $$ = 1 ] && exit 125\nshift\nexec "$@"\n';

/** PATH on which the given programs come before those of the machine. */
async function pathWith(
  { directory, variables }: IsolatedEnvironment,
  programs: Record<string, string>,
): Promise<string> {
  const bin = path.join(directory, 'stand-ins');
  await mkdir(bin);
  for (const [name, script] of Object.entries(programs)) await writeFile(path.join(bin, name), script, { mode: 0o755 });
  return `${bin}:${variables['PATH'] ?? ''}`;
}

test('a Debian that it does not know is refused at once, with those that it knows', async ({ checkout }) => {
  const { exitCode, stdout, stderr } = await checkout.run('scripts/test', ['--fresh=woody', 'unit']);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toBe('scripts/test: --fresh=woody is unknown; there are bookworm, trixie, sid and upgrade');
});

test('what follows -- belongs to the tests', async ({ checkout }) => {
  await checkout.write('scripts/setup', 'echo "setup $*" >&2; exit 7\n');
  const { exitCode, stderr } = await checkout.run('scripts/test', ['unit', '--', '--fresh']);
  expect([exitCode, stderr]).toEqual([7, 'setup test unit -- --fresh']);
});

test('where no root can be made the run fails and says why', async ({ environment, checkout }) => {
  const PATH = await pathWith(environment, { unshare: REFUSING });
  const { exitCode, stderr } = await checkout.run('scripts/test', ['--fresh=trixie'], { variables: { PATH } });
  expect(exitCode).toBe(3);
  expect(stderr).toMatch(/no fresh trixie: no namespaces here.*Operation not permitted/);
});

test('a user without ids of their own is told how to get some', async ({ environment, checkout }) => {
  const PATH = await pathWith(environment, { unshare: REFUSING, id: STRANGER });
  const { exitCode, stdout } = await checkout.run('scripts/fresh', ['make'], { variables: { PATH } });
  expect(exitCode).toBe(3);
  expect(stdout).toMatch(
    /; run: .*sudo usermod --add-subuids \d+-\d+ stranger && sudo usermod --add-subgids \d+-\d+ stranger$/,
  );
});

test.for([
  ['debootstrap was reached', 'echo debootstrap was reached'],
  ['making it ended with code 1 and without a word', ''],
])('a root that fails to be made is told by its last words: %s', async ([words, says], { environment, checkout }) => {
  const mounts = ownMounts();
  if (mounts === null) throw new Error('nothing can be mounted here, as devices into a root');
  const PATH = await pathWith(environment, {
    timeout: NEWER_TIMEOUT,
    debootstrap: `#!/bin/sh\n${says}\nexit 1\n`,
    // No archive of Debian is asked.
    'apt-get': '#!/bin/sh\n',
    'apt-config': '#!/bin/sh\n',
  });
  const making = ['-c', 'exec "$@"', 'sh', ...mounts, path.join(checkout.path, 'scripts/fresh'), 'make'];
  const { exitCode, stdout } = await checkout.run('/bin/sh', making, { variables: { PATH } });
  expect(exitCode).toBe(3);
  expect(stdout).toMatch(new RegExp(`^${words} \\(all of it: .*/fresh/bookworm/log\\)$`));
});

test('CI tests in place then, and says so before the count', async ({ environment, checkout }) => {
  const PATH = await pathWith(environment, { unshare: REFUSING });
  for (const name of ['.ci', 'test/support'])
    await cp(path.join(repositoryRoot, name), path.join(checkout.path, name), { recursive: true });
  // No packages, so that every suite fails as soon as it begins.
  await checkout.write('scripts/setup', 'true\n');
  await checkout.write('dist/.node', `${process.execPath}\n`);
  const { exitCode, stdout } = await checkout.run('.ci/run', [], { variables: { PATH } });
  expect(exitCode).toBe(1);
  expect(stdout.split('\n').slice(-2)).toEqual([
    expect.stringMatching(/^not fresh: no namespaces here.*Operation not permitted/),
    expect.stringMatching(/^0 passed, \d+ failed$/),
  ]);
});
