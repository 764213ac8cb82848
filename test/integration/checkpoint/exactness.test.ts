import {
  existsSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitFacts, walk } from './walk.ts';
import { makeWorld } from './world.ts';
import type { World } from './world.ts';

const ATTRIBUTES = ['* text=auto', '*.crlf text eol=crlf', '*.up filter=up', ''].join('\n');

const START = {
  '.gitignore': 'ignored/\n*.log\n',
  '.gitattributes': ATTRIBUTES,
  'both.txt': 'one\n',
  'staged-then-deleted.txt': 'x\n',
  'uncached.txt': 'u\n',
  'gone.txt': 'g\n',
  'tool.sh': '#!/bin/sh\n',
  'becomes-dir': 'file\n',
  'becomes-file/inner.txt': 'inner\n',
  'shout.up': 'quiet\n',
  'secret.txt': 'secret\n',
  'untouched/deep/file.txt': 'same\n',
  'conflict.txt': 'base\n',
};

function raw(worktree: string, ...bytes: (string | number[])[]): Buffer {
  return Buffer.concat([
    Buffer.from(`${worktree}/`),
    ...bytes.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  ]);
}

/** Makes every kind of change of the exactness table at once. */
function makeMess({ worktree, write, git }: World): void {
  write({ 'both.txt': 'one\ntwo\n' });
  git('add', 'both.txt');
  write({ 'both.txt': 'one\ntwo\nthree\n', 'staged-then-deleted.txt': 'y\n', 'new-staged.txt': 'only in the index\n' });
  git('add', 'staged-then-deleted.txt', 'new-staged.txt');
  unlinkSync(path.join(worktree, 'staged-then-deleted.txt'));
  write({ 'new-staged.txt': 'changed after staging\n' });
  git('rm', '-q', '--cached', 'uncached.txt');
  unlinkSync(path.join(worktree, 'gone.txt'));
  chmodSync(path.join(worktree, 'tool.sh'), 0o755);
  symlinkSync('both.txt', path.join(worktree, 'link'));
  symlinkSync('nowhere/at all', path.join(worktree, 'dangling'));
  unlinkSync(path.join(worktree, 'becomes-dir'));
  write({ 'becomes-dir/now/inside.txt': 'inside\n' });
  rmSync(path.join(worktree, 'becomes-file'), { recursive: true });
  write({ 'becomes-file': 'a file\n' });
  write({
    'grün ☂.txt': 'unicode\n',
    'line\nbreak.txt': 'newline\n',
    '-leading.txt': 'dash\n',
    'tab\there "quoted".txt': 'q\n',
  });
  writeFileSync(raw(worktree, 'not-utf8-', [0xff, 0xfe], '.txt'), 'bytes\n');
  mkdirSync(raw(worktree, 'dir-', [0xe9]), { recursive: true });
  writeFileSync(raw(worktree, 'dir-', [0xe9], '/x'), 'in a latin1 directory\n');
  write({ 'mixed.txt': 'a\r\nb\nc\r\n', 'b.crlf': 'a\nb\r\n', 'binary.bin': Buffer.from([0, 1, 2, 13, 10, 255]) });
  write({ 'shout.up': 'half-Quiet\n' });
  chmodSync(path.join(worktree, 'secret.txt'), 0o600);
  mkdirSync(path.join(worktree, 'empty/nested/deeper'), { recursive: true });
  mkdirSync(path.join(worktree, 'untouched/hollow'));
  mkdirSync(path.join(worktree, 'private'), { mode: 0o700 });
  write({ 'private/p.txt': 'p\n', 'intent.txt': 'later\n' });
  git('add', '-N', 'intent.txt');
  write({ 'ignored/cache.bin': 'v1\n', 'run.log': 'log 1\n' });
}

/** Later changes: commits, another branch, a reset, deletions. */
function wreck({ worktree, write, git }: World): void {
  git('add', '-A');
  git('commit', '-q', '-m', 'the agent went on');
  git('checkout', '-q', '-b', 'elsewhere');
  git('commit', '-q', '--allow-empty', '-m', 'and on');
  for (const name of ['untouched', 'becomes-dir', 'empty', 'link', 'becomes-file', 'line\nbreak.txt'])
    rmSync(path.join(worktree, name), { recursive: true });
  chmodSync(path.join(worktree, 'secret.txt'), 0o644);
  chmodSync(path.join(worktree, 'private'), 0o755);
  chmodSync(path.join(worktree, 'conflict.txt'), 0o640);
  write({
    untouched: 'now a file\n',
    'later/new.txt': 'new\n',
    'both.txt': 'all different\n',
    'mixed.txt': 'a\nb\nc\n',
    'dangling.txt': '',
  });
  mkdirSync(path.join(worktree, 'another-empty/one'), { recursive: true });
  symlinkSync('/etc', path.join(worktree, 'link'));
  git('add', '-A');
  git('reset', '-q', '--soft', 'HEAD~1');
  rmSync(raw(worktree, 'not-utf8-', [0xff, 0xfe], '.txt'));
}

const withFilter = async (): Promise<World> => {
  const world = await makeWorld({ files: START });
  world.git('config', 'filter.up.clean', 'tr A-Z a-z');
  world.git('config', 'filter.up.smudge', 'tr a-z A-Z');
  return world;
};

const tracked = (lines: string[]): string[] =>
  lines.filter((line) => !line.startsWith('ignored') && !line.startsWith('run.log'));

describe('A rollback is exact', () => {
  it('brings every kind of change back byte for byte, and git to the same state', async () => {
    using world = await withFilter();
    makeMess(world);
    const files = walk(world.worktree);
    const facts = gitFacts(world.repository, world.worktree);
    const { n } = await world.store.capture({ reason: 'a mess' });
    expect(walk(world.worktree)).toEqual(files);

    wreck(world);
    world.write({ 'ignored/cache.bin': 'v2\n', 'run.log': 'log 2\n' });
    expect(walk(world.worktree)).not.toEqual(files);
    const wrecked = walk(world.worktree);
    const wreckedFacts = gitFacts(world.repository, world.worktree);

    const back = await world.store.rollback(n);
    expect(tracked(walk(world.worktree))).toEqual(tracked(files));
    expect(gitFacts(world.repository, world.worktree)).toEqual(facts);
    expect(back.warnings).toEqual([]);
    expect(back.changed).toContain('both.txt');
    expect(readFileSync(path.join(world.worktree, 'ignored/cache.bin'), 'utf8')).toBe('v2\n');
    expect(readFileSync(path.join(world.worktree, 'run.log'), 'utf8')).toBe('log 2\n');

    await world.store.rollback(back.safety);
    expect(walk(world.worktree)).toEqual(wrecked);
    expect(gitFacts(world.repository, world.worktree)).toEqual(wreckedFacts);
  });

  it('brings an unfinished merge with its conflict back', async () => {
    using world = await withFilter();
    world.git('checkout', '-q', '-b', 'other');
    world.write({ 'conflict.txt': 'theirs\n' });
    world.git('commit', '-qam', 'theirs');
    world.git('checkout', '-q', 'swarm/task/t1');
    world.write({ 'conflict.txt': 'ours\n' });
    world.git('commit', '-qam', 'ours');
    expect(world.repository.tryGit(['merge', 'other'], world.worktree).code).toBe(1);
    world.write({ 'both.txt': 'while merging\n' });
    const files = walk(world.worktree);
    const facts = gitFacts(world.repository, world.worktree);
    const { n } = await world.store.capture({ reason: 'in the middle of a merge' });

    world.git('merge', '--abort');
    world.git('branch', '-q', '-D', 'other');
    world.git('reset', '-q', '--hard', 'HEAD~1');
    world.git('reflog', 'expire', '--expire=now', '--all');
    world.git('gc', '-q', '--prune=now');
    await world.store.rollback(n);
    expect(walk(world.worktree)).toEqual(files);
    expect(gitFacts(world.repository, world.worktree)).toEqual(facts);
    expect(world.repository.tryGit(['fsck', '--connectivity-only'], world.worktree).code).toBe(0);
  });

  it('keeps blobs that only the index names alive through a collection', async () => {
    using world = await makeWorld();
    world.write({ 'staged.txt': 'only ever staged\n' });
    world.git('add', 'staged.txt');
    world.write({ 'staged.txt': 'another text\n' });
    const { n } = await world.store.capture({ reason: 'staged' });
    world.git('reset', '-q', '--hard');
    world.git('gc', '-q', '--prune=now');
    await world.store.rollback(n);
    expect(world.git('show', ':staged.txt')).toBe('only ever staged');
    expect(readFileSync(path.join(world.worktree, 'staged.txt'), 'utf8')).toBe('another text\n');
  });

  it('restores a detached HEAD and keeps the tip that a moved branch had', async () => {
    using world = await makeWorld();
    const { n: onBranch } = await world.store.capture({ reason: 'on the branch' });
    const first = world.git('rev-parse', 'HEAD');
    world.write({ 'a.txt': '1\n' });
    world.git('add', '-A');
    world.git('commit', '-qm', 'second');
    const second = world.git('rev-parse', 'HEAD');
    world.git('checkout', '-q', '--detach');
    const { n: detached } = await world.store.capture({ reason: 'detached' });
    world.git('checkout', '-q', 'swarm/task/t1');
    await world.store.rollback(onBranch);
    expect(world.git('rev-parse', 'swarm/task/t1')).toBe(first);
    expect(world.git('for-each-ref', '--format=%(objectname)', 'refs/swarm/kept/')).toBe(second);
    await world.store.rollback(detached);
    expect(world.repository.tryGit(['symbolic-ref', '-q', 'HEAD'], world.worktree).code).toBe(1);
    expect(world.git('rev-parse', 'HEAD')).toBe(second);
  });

  it('does not move a branch that another worktree stands on', async () => {
    using world = await makeWorld();
    const { n } = await world.store.capture({ reason: 'before' });
    const first = world.git('rev-parse', 'HEAD');
    world.write({ 'a.txt': '1\n' });
    world.git('add', '-A');
    world.git('commit', '-qm', 'second');
    world.git('checkout', '-q', '--detach');
    world.repository.git(['checkout', '-q', 'swarm/task/t1']);
    const back = await world.store.rollback(n);
    expect(back.warnings).toHaveLength(1);
    expect(back.warnings[0]).toContain('checked out');
    expect(world.git('rev-parse', 'HEAD')).toBe(first);
    expect(world.repository.git(['rev-parse', 'swarm/task/t1'])).not.toBe(first);
    expect(world.repository.git(['status', '--porcelain'])).toBe('');
  });

  it('needs no program that git would convert files with, as where LFS is not installed', async () => {
    using world = await makeWorld({ files: { '.gitattributes': '*.lfs filter=lfs\n', 'large.lfs': 'pointer\n' } });
    world.git('config', 'filter.lfs.clean', 'no-such-program');
    world.git('config', 'filter.lfs.required', 'true');
    world.write({ 'large.lfs': 'the real bytes\n' });
    const { n } = await world.store.capture({ reason: 'with its bytes' });
    world.write({ 'large.lfs': 'others\n' });
    await world.store.rollback(n);
    expect(readFileSync(path.join(world.worktree, 'large.lfs'), 'utf8')).toBe('the real bytes\n');
    expect(await world.store.recover()).toBeNull();
  });

  it('removes a file whose name means something to git', async () => {
    using world = await makeWorld({ files: { 'a.txt': 'a\n' } });
    const { n } = await world.store.capture({ reason: 'without it' });
    world.write({ ':(TOP)X': 'x\n', ':!b': 'b\n', '*.txt': 'star\n' });
    const { changed } = await world.store.rollback(n);
    expect(changed.toSorted()).toEqual(['*.txt', ':!b', ':(TOP)X']);
    expect(existsSync(path.join(world.worktree, ':(TOP)X'))).toBe(false);
  });

  it('captures a tracked file that a pattern ignores, and leaves a file alone that was ignored then', async () => {
    using world = await makeWorld({ files: { '.gitignore': 'dist/\n.env\n', 'a.txt': 'a\n' } });
    world.write({ 'dist/kept.js': 'v1\n', 'dist/other.js': 'o1\n', '.env': 'KEY=1\n' });
    world.git('add', '-f', 'dist/kept.js');
    world.git('commit', '-qm', 'tracked all the same');
    const { n } = await world.store.capture({ reason: 'before' });
    world.write({ 'dist/kept.js': 'v2\n', 'dist/other.js': 'o2\n', '.env': 'KEY=2\n', '.gitignore': '' });
    const second = await world.store.capture({ reason: 'nothing is ignored now' });
    expect(second.created).toBe(true);
    await world.store.rollback(n);
    const read = (name: string): string => readFileSync(path.join(world.worktree, name), 'utf8');
    expect(read('dist/kept.js')).toBe('v1\n');
    expect(read('dist/other.js')).toBe('o2\n');
    expect(read('.env')).toBe('KEY=2\n');
    expect(read('.gitignore')).toBe('dist/\n.env\n');
  });

  it('captures what a rollback would overwrite, even where git ignores it by now', async () => {
    using world = await makeWorld();
    world.write({ 'build/out.txt': 'then\n', thing: 'a file then\n' });
    const { n } = await world.store.capture({ reason: 'not ignored yet' });
    rmSync(path.join(world.worktree, 'thing'));
    world.write({
      '.gitignore': 'build/\nthing/\n',
      'build/out.txt': 'precious\n',
      'build/more.txt': 'stays\n',
      'thing/inner.txt': 'also precious\n',
    });
    await world.store.capture({ reason: 'ignored now' });
    const back = await world.store.rollback(n);
    expect(readFileSync(path.join(world.worktree, 'build/out.txt'), 'utf8')).toBe('then\n');
    expect(readFileSync(path.join(world.worktree, 'thing'), 'utf8')).toBe('a file then\n');
    await world.store.rollback(back.safety);
    expect(readFileSync(path.join(world.worktree, 'build/out.txt'), 'utf8')).toBe('precious\n');
    expect(readFileSync(path.join(world.worktree, 'thing/inner.txt'), 'utf8')).toBe('also precious\n');
  });

  it('sees an edit of the same size in the same instant', async () => {
    using world = await makeWorld();
    for (const letter of 'abcdefgh') {
      world.write({ 'quick.txt': `${letter}\n` });
      const { n } = await world.store.capture({ reason: letter });
      expect(world.git('show', `refs/swarm/checkpoints/worker-1/${n}:quick.txt`)).toBe(letter);
    }
  });

  it('restores the mode of a directory that its owner may not write to', async () => {
    using world = await makeWorld();
    world.write({ 'shut/file.txt': '1\n' });
    chmodSync(path.join(world.worktree, 'shut'), 0o555);
    const { n } = await world.store.capture({ reason: 'shut' });
    chmodSync(path.join(world.worktree, 'shut'), 0o755);
    const open = await world.store.capture({ reason: 'open' });
    expect(open.created).toBe(true);
    world.write({ 'shut/file.txt': '2\n' });
    await world.store.rollback(n);
    expect(lstatSync(path.join(world.worktree, 'shut')).mode & 0o777).toBe(0o555);
    await world.store.rollback(open.n);
    expect(lstatSync(path.join(world.worktree, 'shut')).mode & 0o777).toBe(0o755);
  });
});
