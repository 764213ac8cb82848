import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { inspectClaude, MIN_VERSION } from '../../../src/claude/index.ts';
import type { InspectOptions } from '../../../src/claude/index.ts';
import { isolatedEnvironment } from '../../support/environment.ts';

const KEY = 'sk-ant-api03-0123456789abcdefghijklmnopqrstuvwxyz';

interface Place {
  home: string;
  root: string;
  bin: string;
  /** Kinds of the gates; blocking ones with a `!`. */
  gates(env?: Record<string, string>, options?: Partial<InspectOptions>): Promise<string[]>;
  claudeJson(value: unknown): Promise<void>;
  /** A program `claude` that prints this for `--version`. */
  program(output: string): Promise<void>;
}

const test = base.extend<{ place: Place }>({
  place: async ({}, use) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'sw-preflight-'));
    const [home, root, bin] = ['home', 'repo', 'bin'].map((name) => path.join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const name of [path.join(home, '.claude'), path.join(root, '.claude'), bin])
      await mkdir(name, { recursive: true });
    const program: Place['program'] = (output) =>
      writeFile(path.join(bin, 'claude'), `#!/bin/sh\necho '${output}'\n`, { mode: 0o755 });
    const claudeJson: Place['claudeJson'] = (value) =>
      writeFile(path.join(home, '.claude.json'), JSON.stringify(value));
    await program('2.1.330 (Claude Code)');
    await claudeJson({ hasCompletedOnboarding: true, projects: { [root]: { hasTrustDialogAccepted: true } } });
    const gates: Place['gates'] = async (env = {}, options = {}) => {
      const inspection = await inspectClaude({
        command: ['claude'],
        root,
        signal: new AbortController().signal,
        env: { HOME: home, PATH: `${bin}:/usr/bin:/bin`, ...env },
        ...options,
      });
      return inspection.gates.map(({ kind, blocking }) => `${kind}${blocking ? '!' : ''}`);
    };
    await use({ home, root, bin, gates, claudeJson, program });
    await rm(directory, { recursive: true });
  },
});

test('for a person who uses Claude Code in this repository there is no gate', async ({ place }) => {
  await writeFile(
    path.join(place.home, '.claude/.credentials.json'),
    JSON.stringify({ claudeAiOauth: { accessToken: 'x', refreshToken: 'y', expiresAt: 1 } }),
  );
  expect(await place.gates()).toEqual([]);
  const link = path.join(place.bin, 'link');
  await symlink(place.root, link);
  expect(await place.gates({}, { root: link })).toEqual([]);
});

test('any way of being logged in will do', async ({ place }) => {
  expect(await place.gates()).toEqual(['login!']);
  for (const name of [
    'ANTHROPIC_AUTH_TOKEN',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_USE_VERTEX',
  ]) {
    expect(await place.gates({ [name]: '1' })).toEqual([]);
  }
  expect(await place.gates({ CLAUDE_CODE_USE_BEDROCK: '0' })).toEqual(['login!']);
  await writeFile(
    path.join(place.home, '.claude/.credentials.json'),
    JSON.stringify({ claudeAiOauth: { accessToken: 'x', expiresAt: 1 } }),
  );
  expect(await place.gates()).toEqual(['login!']);
  await writeFile(path.join(place.root, '.claude/settings.local.json'), JSON.stringify({ apiKeyHelper: 'echo key' }));
  expect(await place.gates()).toEqual([]);
});

test('a bare API key must have been approved', async ({ place }) => {
  const trusted = { hasCompletedOnboarding: true, projects: { [place.root]: { hasTrustDialogAccepted: true } } };
  expect(await place.gates({ ANTHROPIC_API_KEY: KEY })).toEqual(['api-key!']);
  expect(await place.gates({ ANTHROPIC_API_KEY: KEY, ANTHROPIC_AUTH_TOKEN: 'x' })).toEqual(['api-key!']);
  await place.claudeJson({ ...trusted, hasCompletedOnboarding: false });
  expect(await place.gates({ ANTHROPIC_API_KEY: KEY, ANTHROPIC_AUTH_TOKEN: 'x' })).toEqual(['onboarding']);
  await place.claudeJson({ ...trusted, customApiKeyResponses: { approved: [KEY.slice(-20)] } });
  expect(await place.gates({ ANTHROPIC_API_KEY: KEY })).toEqual([]);
  await place.claudeJson({ ...trusted, customApiKeyResponses: { rejected: [KEY.slice(-20)] } });
  expect(await place.gates({ ANTHROPIC_API_KEY: KEY })).toEqual(['login!']);
});

test('trust is asked of this very repository, not of a folder above', async ({ place }) => {
  await place.claudeJson({
    hasCompletedOnboarding: true,
    projects: { [path.dirname(place.root)]: { hasTrustDialogAccepted: true } },
  });
  expect(await place.gates({ ANTHROPIC_AUTH_TOKEN: 'x' })).toEqual(['trust!']);
  expect(await place.gates({ ANTHROPIC_AUTH_TOKEN: 'x', CLAUDE_CODE_SANDBOXED: '1' })).toEqual([]);
});

test('a home where Claude Code never ran, or with a broken file, is no obstacle but trust', async ({ place }) => {
  await writeFile(path.join(place.home, '.claude.json'), '{"hasCompleted');
  expect(await place.gates({ ANTHROPIC_AUTH_TOKEN: 'x' })).toEqual(['onboarding', 'trust!']);
});

test('a program that is missing, silent or old is told apart', async ({ place }) => {
  const env = { ANTHROPIC_AUTH_TOKEN: 'x' };
  expect(await place.gates(env, { command: ['no-such-claude'] })).toEqual(['missing!']);
  expect(await place.gates(env, { command: ['/bin/false'] })).toEqual(['broken!']);
  await place.program('2.0.99 (Claude Code)');
  expect(await place.gates(env)).toEqual(['too-old!']);
  await place.program(`${MIN_VERSION} (Claude Code)`);
  expect(await place.gates(env)).toEqual([]);
});

test('the person is told to run the program that is run here, which need not be on her PATH', async ({ place }) => {
  const command = [path.join(place.bin, 'claude')];
  const env = { HOME: place.home, PATH: '/usr/bin:/bin' };
  const { gates } = await inspectClaude({ command, root: place.root, signal: new AbortController().signal, env });
  expect(gates.map(({ cure }) => cure)).toEqual([expect.stringContaining(`\`${command.join(' ')}\` once, log in`)]);
});

test('an aborted inspection throws', async ({ place }) => {
  await expect(place.gates({}, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});

test('the installed Claude Code is recognised, fast', async ({ place }) => {
  await using environment = await isolatedEnvironment();
  const startedAt = performance.now();
  const found = await inspectClaude({
    command: ['claude'],
    root: place.root,
    env: environment.variables,
    signal: new AbortController().signal,
  });
  console.log(`inspected in ${Math.round(performance.now() - startedAt)} ms`);
  expect(found.version).toMatch(/^2\.1\.\d+$/);
  expect(found.path).toMatch(/claude/);
  expect(found.gates.map(({ kind }) => kind)).toEqual(['onboarding', 'trust']);
});
