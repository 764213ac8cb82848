import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { transform } from 'esbuild';
import { test as base, describe, expect } from 'vitest';
import { isolatedEnvironment, repositoryRoot } from '../../support/environment.ts';
import { type Report, temporaryCheckout } from './checkout.ts';

const test = base
  .extend('environment', async ({}, { onCleanup }) => {
    const environment = await isolatedEnvironment();
    onCleanup(() => environment[Symbol.asyncDispose]());
    return environment;
  })
  .extend('checkout', ({ environment }) => temporaryCheckout(environment));

/** Makes this Node believe that it is an old one. */
const OLD = 'Object.defineProperty(process, "version", { value: "v0.10.48" });';
/** … on a machine where all others are old too. */
const ALL_OLD = `${OLD}require('child_process').spawnSync = () => ({ status: 0, stdout: 'v18.0.0' });`;

describe('bin/swarm.cjs', () => {
  test('is written in a JavaScript that every Node can read', async () => {
    const source = await readFile(path.join(repositoryRoot, 'bin/swarm.cjs'), 'utf8');
    const [old, now] = await Promise.all(['es5', 'esnext'].map((target) => transform(source, { target })));
    expect(old?.code).toBe(now?.code);
    expect(source).not.toMatch(/\bimport\(/);
  });

  test('runs the program in its own process where that is new enough', async ({ checkout }) => {
    await checkout.build();
    const child = spawn(process.execPath, [path.join(checkout.path, 'bin/swarm.cjs'), 'status', 'a b'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    expect(JSON.parse(output.toString()) as Report).toMatchObject({ pid: child.pid, args: ['status', 'a b'] });
    await once(child, 'exit');
  });

  test('an old Node hands over to a new one: arguments, exit code', async ({ environment, checkout }) => {
    await checkout.build();
    const old = path.join(environment.directory, 'old.cjs');
    await writeFile(old, OLD);
    const argv = ['--require', old, path.join(checkout.path, 'bin/swarm.cjs')];
    const result = await checkout.run(process.execPath, [...argv, 'status', 'a b']);
    expect((JSON.parse(result.stdout) as Report).args).toEqual(['status', 'a b']);
    expect((await checkout.run(process.execPath, [...argv, 'exit', '3'])).exitCode).toBe(3);
  });

  test('a signal sent to the old Node reaches the program, and its end is the old one’s end', async ({
    environment,
    checkout,
  }) => {
    await checkout.build();
    const old = path.join(environment.directory, 'old.cjs');
    await writeFile(old, OLD);
    const child = spawn(process.execPath, ['--require', old, path.join(checkout.path, 'bin/swarm.cjs'), 'wait'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: environment.variables,
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([44, null]);
  });

  test('where every Node is old it says so in one line with the cure', async ({ environment, checkout }) => {
    await checkout.build();
    const old = path.join(environment.directory, 'old.cjs');
    await writeFile(old, ALL_OLD);
    // The repository's own Node is used without a question, so it must not be there.
    await checkout.run('/bin/rm', [path.join(checkout.path, 'node_modules/node')]);
    const result = await checkout.run(process.execPath, [
      '--require',
      old,
      path.join(checkout.path, 'bin/swarm.cjs'),
      'status',
    ]);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
    expect(result.stderr).toMatch(/needs Node >= 24 .*nvm install 24/);
  });

  test('the packed package, installed globally, runs and holds one build without maps', async ({
    environment,
    checkout,
  }) => {
    await checkout.write('tmux.conf', '# settings\n');
    await checkout.build();
    await checkout.write('src/added.ts', 'export {};');
    const variables = { PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin` };
    const npm = (...args: string[]) =>
      checkout.run('/usr/bin/env', ['npm', '--offline', ...args], { cwd: checkout.path, variables });
    const packed = await npm('pack', '--json');
    expect(packed.exitCode, packed.stderr).toBe(0);

    const prefix = path.join(environment.directory, 'prefix');
    const manifest = await readFile(path.join(checkout.path, 'package.json'), 'utf8');
    const { name, version } = JSON.parse(manifest) as { name: string; version: string };
    const installed = await npm('install', '-g', '--prefix', prefix, `./${name}-${version}.tgz`);
    expect(installed.exitCode, installed.stderr).toBe(0);
    const result = await checkout.run(path.join(prefix, 'bin/swarm'), ['status'], { variables });
    expect((JSON.parse(result.stdout) as Report).build).toContain(prefix);

    const { stdout } = await checkout.run('/usr/bin/find', [path.join(prefix, 'lib/node_modules'), '-type', 'f']);
    expect(stdout).not.toContain('.map');
    expect(stdout.match(/cli\.js$/gm)).toHaveLength(1);
    expect(stdout).toContain('tmux.conf');
  });
});
