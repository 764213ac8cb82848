import { appendFileSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { capture } from '../../../src/checkpoint/capture/capture.ts';
import { lockIndex } from '../../../src/checkpoint/restore/persons-index.ts';
import { restore } from '../../../src/checkpoint/restore/restore.ts';
import { loadNumber } from '../../../src/checkpoint/refs/load.ts';
import { DEFAULT_LIMITS } from '../../../src/checkpoint/tree/types.ts';
import { RestorePlanner } from '../../../src/checkpoint/restore/restore-plan.ts';
import { worktreeGitDir } from '../../../src/git/repository/operations.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

it('leaves no file behind that git takes for changed by its times alone', async () => {
  using world = await makeWorld({
    files: Object.fromEntries('abcdef'.split('').map((name) => [`${name}.txt`, '1\n'])),
  });
  const file = (name: string): string => path.join(world.worktree, name);
  const { n } = await world.store.capture({ reason: 'then' });
  world.write({ 'a.txt': '2\n' });
  rmSync(file('b.txt'));
  // The same text, another time, which the checkpoint's index does not know.
  utimesSync(file('c.txt'), 1, 1);
  const { changed } = await world.store.rollback(n);
  expect(changed).toEqual(['a.txt', 'b.txt']);
  // Plumbing, which compares only stat data.
  expect(world.git('diff-files', '--name-only')).toBe('');
});

const CRLF = '1\r\n';
/** Ways to have git store `1\n` for a file that is `1\r\n` on disk. */
const CONVERSIONS: Record<string, (world: World) => void> = {
  'core.autocrlf': (world) => world.git('config', 'core.autocrlf', 'input'),
  'core.autocrlf without a value': (world) =>
    appendFileSync(path.join(world.repository.gitCommonDir, 'config'), '[core]\n\tautocrlf\n'),
  'a .gitattributes beside it': (world) => world.write({ 'deep/.gitattributes': '* text\n' }),
  'one that is ignored': (world) => {
    appendFileSync(path.join(world.repository.gitCommonDir, 'info', 'exclude'), '.gitattributes\n');
    world.write({ '.gitattributes': '* text\n' });
  },
  'one that only the index has': (world) => {
    world.write({ '.gitattributes': '* text\n' });
    world.git('add', '.gitattributes');
    rmSync(path.join(world.worktree, '.gitattributes'));
  },
  'info/attributes': (world) =>
    appendFileSync(path.join(world.repository.gitCommonDir, 'info', 'attributes'), '* text\n'),
  'core.attributesFile': (world) => {
    const file = path.join(world.repository.home, 'attributes');
    appendFileSync(file, '* text\n');
    world.git('config', 'core.attributesFile', file);
  },
};

it.each(Object.keys(CONVERSIONS))(
  'leaves no file behind that git takes for changed where it converts: %s',
  async (way) => {
    using world = await makeWorld({ files: { 'deep/a.txt': '1\n', 'deep/b.txt': '1\n' } });
    CONVERSIONS[way]?.(world);
    world.write({ 'deep/a.txt': CRLF });
    // A file that is written in the second of the rollback could look unchanged to git.
    utimesSync(path.join(world.worktree, 'deep/a.txt'), 1, 1);
    world.git('add', 'deep/a.txt');
    expect(world.git('diff-files', '--name-only', '--', 'deep/a.txt')).toBe('');
    const { n } = await world.store.capture({ reason: 'then' });
    world.write({ 'deep/a.txt': '2\n' });
    await world.store.rollback(n);
    expect(readFileSync(path.join(world.worktree, 'deep/a.txt'), 'utf8')).toBe(CRLF);
    expect(world.git('diff-files', '--name-only', '--', 'deep')).toBe('');
  },
);

it('leaves a file changed that git takes for changed although it stores the very bytes', async () => {
  using world = await makeWorld({ files: { '.gitattributes': '*.up filter=up\n', 'a.txt': '1\n' } });
  world.git('config', 'filter.up.clean', 'tr A-Z a-z');
  world.write({ 'x.up': 'Loud\n' });
  utimesSync(path.join(world.worktree, 'x.up'), 1, 1);
  const blob = world.git('hash-object', '-w', '--no-filters', 'x.up');
  world.git('update-index', '--add', '--cacheinfo', `100644,${blob},x.up`);
  world.git('commit', '-q', '-m', 'raw');
  const status = (): string => world.git('--no-optional-locks', 'status', '--porcelain');
  expect(status()).toBe(' M x.up');
  const { n } = await world.store.capture({ reason: 'then' });
  world.write({ 'a.txt': '2\n' });
  await world.store.rollback(n);
  expect(status()).toBe(' M x.up');
});

it('asks git nothing about changed files where nothing can convert them, and git knows them as changed', async () => {
  using world = await makeWorld({ files: { 'a.txt': '1\n', 'b.txt': '1\n' } });
  world.write({ 'a.txt': '2\n' });
  const { n } = await world.store.capture({ reason: 'then' });
  world.write({ 'a.txt': '3\n' });
  const trace = path.join(world.repository.home, 'trace');
  const own = path.join(world.repository.home, 'gitconfig');
  appendFileSync(own, `[trace2]\n  normalTarget = ${trace}\n`);
  vi.stubEnv('GIT_CONFIG_GLOBAL', own);
  try {
    await world.store.rollback(n);
  } finally {
    vi.unstubAllEnvs();
  }
  expect(readFileSync(trace, 'utf8')).toMatch(/read-tree/);
  expect(readFileSync(trace, 'utf8')).not.toMatch(/--refresh/);
  expect(world.git('diff-files', '--name-only')).toBe('a.txt');
});

it('brings back what changed at the very moment between the capture and the restore', async () => {
  using world = await makeWorld({ files: { 'a.txt': '1\n', 'b.txt': '1\n' } });
  const { place } = world.store;
  const { n } = await world.store.capture({ reason: 'then' });
  world.write({ 'a.txt': '2\n' });
  const gitDir = worktreeGitDir(world.worktree);
  const context = { place, gitDir, config: [], conversion: { autocrlf: false, attributesFile: null } };
  const target = await loadNumber(place, n);
  const { remembered } = await capture(
    { ...context, limits: DEFAULT_LIMITS, remembered: null, alsoCapture: new Set() },
    { reason: 'safety' },
  );
  const way = await new RestorePlanner(place, Promise.resolve(target)).find(remembered);
  writeFileSync(path.join(world.worktree, 'a.txt'), 'a third text\n');
  await restore(context, await lockIndex(gitDir, target.index), way, target);
  expect(world.git('status', '--porcelain')).toBe('');
  expect(world.git('diff', 'HEAD', '--name-only')).toBe('');
});
