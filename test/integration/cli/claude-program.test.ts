import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claudeDirectory } from '../../../src/cli/project/claude-program.ts';
import type { Context } from '../../../src/cli/project/context.ts';
import { isolatedEnvironment, type IsolatedEnvironment } from '../../support/environment.ts';
import { screen, thrown, world } from '../../unit/cli/run.ts';

/** Stands in for Claude Code, in the form of its package: an install script puts the program in place. */
const INSTALL = `
const { writeFileSync } = require('node:fs');
writeFileSync('claude.exe', '#!/bin/sh\\necho "2.1.330 (Claude Code)"\\n', { mode: 0o755 });
`;

let environment: IsolatedEnvironment;
let mirror: Mirror;

beforeEach(async () => {
  environment = await isolatedEnvironment();
  mirror = await openMirror(environment.directory);
});
afterEach(async () => {
  await mirror[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

interface Mirror extends AsyncDisposable {
  url: string;
  asked: string[];
}

/** A company's registry, which has this one package. */
async function openMirror(directory: string): Promise<Mirror> {
  const parts = path.join(directory, 'package');
  await mkdir(parts);
  const manifest = { name: '@anthropic-ai/claude-code', version: '2.1.330', bin: { claude: 'claude.exe' } };
  await writeFile(path.join(parts, 'package.json'), JSON.stringify(manifest));
  await writeFile(path.join(parts, 'claude.exe'), '');
  await writeFile(path.join(parts, 'install.cjs'), INSTALL);
  await execa('tar', ['-czf', 'package.tgz', 'package'], { cwd: directory });
  const tarball = await readFile(path.join(directory, 'package.tgz'));
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.endsWith('.tgz') === true) return void response.end(tarball);
    const versions = { [manifest.version]: { ...manifest, dist: { tarball: `${url}/package.tgz` } } };
    response.end(JSON.stringify({ name: manifest.name, 'dist-tags': { latest: manifest.version }, versions }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * A machine with npm, without Claude Code, whose own npm settings lie in `etc/npmrc` of npm's prefix. A distribution's
 * npm may have a fixed place for them instead (Debian's: `/etc/npmrc`); then that one is written.
 */
async function machine(npmrc: string): Promise<NodeJS.ProcessEnv> {
  const prefix = path.join(environment.directory, 'prefix');
  const programs = path.join(environment.directory, 'programs');
  await mkdir(path.join(prefix, 'etc'), { recursive: true });
  await mkdir(programs);
  for (const name of ['npm', 'sh']) {
    const { stdout } = await execa('which', [name]);
    await symlink(stdout, path.join(programs, name));
  }
  await symlink(process.execPath, path.join(programs, 'node'));
  const own = { ...environment.variables, PATH: programs, PREFIX: prefix };
  const settings = path.join(prefix, 'etc', 'npmrc');
  await writeFile(settings, npmrc);
  const { stdout: place } = await execa('npm', ['config', 'get', 'globalconfig'], { env: own, extendEnv: false });
  const fixed = place === settings ? {} : { npm_config_globalconfig: settings };
  // Requests to any other registry do not leave this machine.
  const proxy = { HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' };
  const impatient = { npm_config_fetch_retries: '0' };
  return { ...own, ...fixed, ...proxy, ...impatient };
}

const program = (): never => {
  throw new Error('the verbs were asked for');
};

test("Claude Code is installed for swarm alone from the registry that the machine's own npm settings name", async () => {
  const env = await machine(`registry=${mirror.url}/\n`);
  const context: Context = { ...world([], screen(), env), interactive: false, program };
  const directory = await claudeDirectory(context, environment.stateHome, environment.directory, true);
  expect(mirror.asked).toContain('/package.tgz');
  const { stdout } = await execa(path.join(directory ?? '', 'claude'), ['--version'], { env, extendEnv: false });
  expect(stdout).toBe('2.1.330 (Claude Code)');
});

test('an install that fails is told in the words of npm that name the trouble', async () => {
  const env = await machine('registry=http://127.0.0.1:9/\n');
  const context: Context = { ...world([], screen(), env), interactive: false, program };
  const error = await thrown(() => claudeDirectory(context, environment.stateHome, environment.directory, true));
  expect(error.message).toMatch(
    /^Claude Code could not be installed: (\w+: |network )*request to http:\/\/127\.0\.0\.1:9\/\S+ failed, reason: \S+ ECONNREFUSED/,
  );
  expect(error.message.split('\n')).toHaveLength(1);
});
