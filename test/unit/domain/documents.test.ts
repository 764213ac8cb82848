import { describe, expect, test } from 'vitest';
import { addUsage, NO_USAGE } from '../../../src/domain/agent.ts';
import { errorText, fromErrorDocument, SwarmError, toErrorDocument } from '../../../src/domain/errors.ts';
import {
  nameOfBare,
  projectHash,
  projectLayout,
  withRuntimeDir,
  type LayoutInput,
} from '../../../src/domain/layout.ts';

describe('errors on their way to another program', () => {
  test('come out as they went in', () => {
    const error = new SwarmError('disk-full', 'The disk is full.', {
      hint: 'Free some space.',
      cause: new Error('ENOSPC'),
      retrySafe: true,
      exitCode: 3,
    });
    const copy = fromErrorDocument(toErrorDocument(error));
    expect(copy).toMatchObject({
      code: 'disk-full',
      message: 'The disk is full.',
      hint: 'Free some space.',
      retrySafe: true,
      exitCode: 3,
    });
    expect(error.cause).toBeInstanceOf(Error);
    expect(toErrorDocument(new SwarmError('plain', 'No hint.'))).toEqual({
      error: { code: 'plain', message: 'No hint.', retrySafe: false, exitCode: 1 },
    });
  });

  test('what is no error of ours is internal, whatever was thrown', () => {
    expect(toErrorDocument(new TypeError('x is undefined')).error).toMatchObject({
      code: 'internal',
      message: 'x is undefined',
      retrySafe: false,
    });
    expect(toErrorDocument('a string').error.message).toBe('a string');
    expect([errorText(new Error('a')), errorText(7)]).toEqual(['a', '7']);
  });
});

describe('where a project’s files lie', () => {
  const input = (fields: Partial<LayoutInput> = {}): LayoutInput => ({
    gitCommonDir: '/home/ann/shop/.git',
    root: '/home/ann/shop',
    env: { HOME: '/home/ann' },
    uid: 1000,
    tmpdir: '/tmp',
    ...fields,
  });

  test('state is under the home directory, sockets under a short path', () => {
    const layout = projectLayout(input());
    const hash = projectHash('/home/ann/shop/.git');
    expect(hash).toMatch(/^[0-9a-f]{10}$/);
    expect(layout).toMatchObject({
      hash,
      name: 'shop',
      db: `/home/ann/.local/state/swarm/${hash}/swarm.db`,
      lockDb: `/home/ann/.local/state/swarm/${hash}/lock.db`,
      apiSocket: `/tmp/swarm-1000/${hash}/api.sock`,
      worktreesDir: '/home/ann/shop.swarm',
      brokerDir: '/home/ann/.local/state/swarm/broker',
    });
  });

  test('XDG directories are used where they are absolute and short enough for a socket', () => {
    const layout = projectLayout(
      input({ env: { XDG_STATE_HOME: '/state', XDG_RUNTIME_DIR: '/run/user/1000' }, worktreesDir: '/fast' }),
    );
    expect(layout.stateDir).toBe(`/state/swarm/${layout.hash}`);
    expect(layout.runtimeDir).toMatch(/^\/run\/user\/1000\/swarm\//);
    expect(layout.worktreesDir).toBe('/fast');
    const long = `/${'x'.repeat(80)}`;
    const far = projectLayout(input({ env: { XDG_STATE_HOME: 'relative', XDG_RUNTIME_DIR: long }, tmpdir: long }));
    expect(far.apiSocket.length).toBeLessThan(100);
    expect(far.stateDir).toMatch(/^\/\.local\/state\/swarm\//);
  });

  test('a bare repository is called what people call it, whichever of its worktrees one is in', () => {
    const names = ['/a/shop/.bare', '/a/shop/.git', '/a/shop.git', '/a/shop'].map(nameOfBare);
    expect(names).toEqual(['shop', 'shop', 'shop', 'shop']);
  });

  test('with another runtime directory the sockets and secrets are there, and all else stays', () => {
    const layout = projectLayout(input());
    const moved = withRuntimeDir(layout, '/run/user/1000/swarm/x');
    const changed = Object.entries(moved).filter(([key, value]) => layout[key as keyof typeof layout] !== value);
    expect(Object.fromEntries(changed)).toEqual({
      runtimeDir: '/run/user/1000/swarm/x',
      apiSocket: '/run/user/1000/swarm/x/api.sock',
      linkSocket: '/run/user/1000/swarm/x/link.sock',
      tmuxSocket: '/run/user/1000/swarm/x/tmux.sock',
      envSnapshot: '/run/user/1000/swarm/x/env.json',
      specDir: '/run/user/1000/swarm/x/agents',
      supervisorPidFile: '/run/user/1000/swarm/x/supervisor.json',
    });
    expect(withRuntimeDir(moved, layout.runtimeDir)).toEqual(layout);
    expect([withRuntimeDir(layout, null), withRuntimeDir(layout, layout.runtimeDir)]).toEqual([layout, layout]);
  });

  test('an odd directory name is made safe, an empty one named', () => {
    expect(projectLayout(input({ root: '/a/näh code!' })).name).toBe('n-h-code-');
    expect(projectLayout(input({ root: '/' })).name).toBe('repository');
  });
});

test('usage adds up field by field', () => {
  const one = { costUsd: 0.5, inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheCreationTokens: 4 };
  expect(addUsage(addUsage(NO_USAGE, one), one)).toEqual({
    costUsd: 1,
    inputTokens: 2,
    outputTokens: 4,
    cacheReadTokens: 6,
    cacheCreationTokens: 8,
  });
});
