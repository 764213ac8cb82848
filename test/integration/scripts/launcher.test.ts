import { chmod, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test as base, describe, expect } from 'vitest';
import { isolatedEnvironment } from '../../support/environment.ts';
import { type Checkout, type Report, temporaryCheckout } from './checkout.ts';

const test = base
  .extend('environment', async ({}, { onCleanup }) => {
    const environment = await isolatedEnvironment();
    onCleanup(() => environment[Symbol.asyncDispose]());
    return environment;
  })
  .extend('checkout', ({ environment }) => temporaryCheckout(environment));

function parse(stdout: string): Report {
  return JSON.parse(stdout) as Report;
}

/** Makes a directory for PATH with links to the system's programs, without some. */
async function pathWithout(directory: string, names: string[]): Promise<string> {
  const bin = path.join(directory, 'less');
  await mkdir(bin);
  for (const from of ['/usr/sbin', '/usr/bin']) {
    for (const name of await readdir(from)) {
      if (names.includes(name)) continue;
      await symlink(path.join(from, name), path.join(bin, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
  }
  return bin;
}

/** Makes a directory with a new Node and, beside it, an npm that runs this script. */
async function npmStandIn(checkout: Checkout, script: string): Promise<string> {
  const bin = path.join(checkout.path, '..', 'npm-bin');
  await mkdir(bin, { recursive: true });
  await rm(path.join(bin, 'node'), { force: true });
  await symlink(process.execPath, path.join(bin, 'node'));
  await writeFile(path.join(bin, 'npm'), `#!/bin/sh\necho "npm $*" >>"${bin}/calls"\n${script}\n`);
  await chmod(path.join(bin, 'npm'), 0o755);
  return bin;
}

describe('scripts/swarm', () => {
  test('works from any directory, through links, with arguments exactly as given', async ({
    environment,
    checkout,
  }) => {
    const bin = path.join(environment.home, 'bin');
    await mkdir(bin);
    await symlink(path.join(checkout.path, 'scripts/swarm'), path.join(bin, 'first'));
    await symlink('first', path.join(bin, 'swarm'));
    const args = ['task', 'add', 'a  b', '', 'üñí', '--prompt', '$(touch x) `y` "q"', '--', '--yes'];

    const result = await checkout.run(path.join(bin, 'swarm'), args, { cwd: environment.home });

    expect(result.exitCode).toBe(0);
    expect(parse(result.stdout)).toMatchObject({ args, cwd: environment.home });
    expect(Number(parse(result.stdout).version.slice(1, 3))).toBeGreaterThanOrEqual(24);
  });

  test('keeps stdout for the program, builds once, and passes on the exit code', async ({ checkout }) => {
    const first = await checkout.run('scripts/swarm', ['status', '--json']);
    expect(parse(first.stdout).args).toEqual(['status', '--json']);
    expect(first.stderr).toContain('swarm: building');

    const second = await checkout.run('scripts/swarm', ['status', '--json']);
    expect(second.stderr).toBe('');
    expect(parse(second.stdout).build).toBe(parse(first.stdout).build);
    expect((await checkout.run('scripts/swarm', ['exit', '7'])).exitCode).toBe(7);
  });

  test('builds again when a source was changed, added or removed', async ({ checkout }) => {
    const builds = new Set<string>();
    const note = async () => builds.add(parse((await checkout.run('scripts/swarm', ['status'])).stdout).build);
    await note();
    await checkout.write('src/cli.ts', `${await reportSource(checkout)}\n// changed`);
    await note();
    await checkout.write('src/added.ts', 'export {};');
    await note();
    await rm(path.join(checkout.path, 'src/added.ts'));
    await note();
    // The last build has the sources of the second, so it is the second.
    expect(builds.size).toBe(3);
  });

  test('a build that fails is an error once, and the next run works', async ({ checkout }) => {
    const source = await reportSource(checkout);
    await checkout.run('scripts/swarm', ['status']);
    await checkout.write('src/cli.ts', 'this is { not a program');
    const broken = await checkout.run('scripts/swarm', ['status']);
    expect(broken).toMatchObject({ exitCode: 1, stdout: '' });
    expect(broken.stderr).toContain('the build failed');
    await checkout.write('src/cli.ts', source);
    expect((await checkout.run('scripts/swarm', ['status'])).exitCode).toBe(0);
  });

  test('an npm ci that was cut off is done again, and one that finished is not', async ({ checkout }) => {
    await checkout.run('scripts/swarm', ['status']);
    await checkout.write('package-lock.json', '{"changed":true}\n');
    // Fails after it has removed the packages, as a Ctrl-C in the middle does.
    const keep = path.join(checkout.path, '..', 'kept');
    const bin = await npmStandIn(checkout, `mv node_modules "${keep}"; exit 1`);
    const variables = { PATH: `${bin}:${path.dirname(process.execPath)}:/usr/bin:/bin` };
    expect(await checkout.run('scripts/swarm', ['status'], { variables })).toMatchObject({ exitCode: 1, stdout: '' });

    await npmStandIn(checkout, `mv "${keep}" node_modules`);
    expect((await checkout.run('scripts/swarm', ['status'], { variables })).exitCode).toBe(0);
    await npmStandIn(checkout, 'exit 1');
    expect((await checkout.run('scripts/swarm', ['status'], { variables })).stderr).toBe('');
  });

  test('without tmux, rights or a terminal it prints the one command and stops', async ({ environment, checkout }) => {
    const bin = await pathWithout(environment.directory, ['tmux']);
    const variables = { PATH: `${path.dirname(process.execPath)}:${bin}` };
    const result = await checkout.run('scripts/swarm', ['status', '--json'], { variables });
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('not found: tmux >= 3.2');
    expect(result.stderr.split('\n').filter((line) => line.includes('install'))).not.toHaveLength(0);
  });

  test('ss is asked for along with tmux, and by itself not at all', async ({ environment, checkout }) => {
    const bin = await pathWithout(environment.directory, ['ss']);
    const variables = { PATH: `${path.dirname(process.execPath)}:${bin}` };
    expect((await checkout.run('scripts/swarm', ['status', '--json'], { variables })).exitCode).toBe(0);
    await rm(path.join(bin, 'tmux'));
    await rm(path.join(checkout.path, 'dist', '.tools'));
    const { exitCode, stderr } = await checkout.run('scripts/swarm', ['status', '--json'], { variables });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/not found: tmux >= 3\.2, ss\. Install with:\n.* tmux iproute2$/m);
  });

  test('a tmux that is too old is named with its version', async ({ environment, checkout }) => {
    const bin = path.join(environment.directory, 'old');
    await mkdir(bin);
    await writeFile(path.join(bin, 'tmux'), '#!/bin/sh\necho tmux 3.1c\n', { mode: 0o755 });
    const variables = { PATH: `${bin}:${environment.variables['PATH'] ?? ''}` };
    const result = await checkout.run('scripts/swarm', ['up'], { variables });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('tmux >= 3.2 (found 3.1c)');
  });

  test('help needs neither git nor tmux', async ({ environment, checkout }) => {
    const bin = await pathWithout(environment.directory, ['tmux', 'git']);
    const variables = { PATH: `${path.dirname(process.execPath)}:${bin}` };
    expect((await checkout.run('scripts/swarm', ['--help'], { variables })).exitCode).toBe(0);
  });

  test('two first runs at once do not disturb each other', async ({ checkout }) => {
    const both = await Promise.all([1, 2].map((n) => checkout.run('scripts/swarm', ['status', String(n)])));
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  });
});

describe('scripts/setup test --claude', () => {
  /** An npm whose newest Claude Code is 9.9.9; it installs whichever is asked for. */
  const NPM = `
if [ "$1" = view ]; then echo 9.9.9; exit; fi
version=$(sed 's/.*"\\([0-9.]*\\)" } }/\\1/' package.json)
mkdir -p node_modules/.bin && cp package.json package-lock.json
printf '#!/bin/sh\\necho %s\\n' "$version" >node_modules/.bin/claude && chmod +x node_modules/.bin/claude`;

  test('installs that Claude Code once, in the cache, and leaves the pinned one alone', async ({ checkout }) => {
    const bin = await npmStandIn(checkout, NPM);
    const cache = path.join(checkout.path, '..', 'cache');
    const variables = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`, XDG_CACHE_HOME: cache };
    const setup = (version: string) =>
      checkout.run('scripts/setup', ['test', '--yes', `--claude=${version}`, '--', '--claude=0.0.1'], { variables });
    const versionOf = async (name: string) =>
      (await checkout.run(path.join(cache, 'swarm/claude', name, 'node_modules/.bin/claude'))).stdout;

    expect(await setup('latest')).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await setup('9.9.8')).toMatchObject({ exitCode: 0 });
    expect(await setup('9.9.9')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await Promise.all(['latest', '9.9.9', '9.9.8'].map(versionOf))).toEqual(['9.9.9', '9.9.9', '9.9.8']);
    expect((await readdir(path.join(cache, 'swarm/claude'))).toSorted()).toEqual(['9.9.8', '9.9.9', 'latest']);
    await expect(readdir(path.join(checkout.path, 'test'))).rejects.toThrow('ENOENT');
    expect(await setup('../up')).toMatchObject({ exitCode: 1 });
  });
});

async function reportSource(checkout: Checkout): Promise<string> {
  return readFile(path.join(checkout.path, 'src/cli.ts'), 'utf8');
}
