import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { worktreeGitDir } from '../../../src/git/repository/operations.ts';
import { makeWorld } from './world.ts';

it('leaves a branch alone whose name is not UTF-8, brings HEAD back all the same, and warns', async () => {
  using world = await makeWorld({ files: { 'a.txt': '1\n' } });
  const shell = (script: string): string =>
    execFileSync('bash', ['-c', script], { cwd: world.worktree, encoding: 'latin1' }).trim();
  shell("git checkout -q -b $'m\\xfc'");
  const then = world.git('rev-parse', 'HEAD');
  const { n, warnings } = await world.store.capture({ reason: 'then' });
  expect(warnings.join()).toMatch(/not UTF-8/);
  world.write({ 'a.txt': '2\n' });
  world.git('commit', '-q', '-am', 'later');
  const branches = shell("git for-each-ref --format='%(refname) %(objectname)' refs/heads");
  const rolled = await world.store.rollback(n);
  expect(rolled.warnings.join()).toMatch(/stays where it is, .*HEAD is detached at/);
  expect(world.git('rev-parse', 'HEAD')).toBe(then);
  expect(world.git('status', '--porcelain')).toBe('');
  expect(shell("git for-each-ref --format='%(refname) %(objectname)' refs/heads")).toBe(branches);
});

it('captures and warns of a submodule that git is told to ignore', async () => {
  using world = await makeWorld({ files: { 'a.txt': '1\n' } });
  const sub = path.join(world.worktree, 'sub');
  world.git('init', '-q', 'sub');
  const inSub = (...args: string[]): string =>
    world.repository.git(['-c', 'user.name=n', '-c', 'user.email=n@x', ...args], sub);
  world.repository.write({ p: '1\n' }, sub);
  inSub('add', 'p');
  inSub('commit', '-q', '-m', '1');
  world.write({ '.gitmodules': '[submodule "sub"]\n\tpath = sub\n\turl = ./x\n\tignore = all\n' });
  world.git('add', '-A');
  world.git('commit', '-q', '-m', 'sub');
  await world.store.capture({ reason: 'then' });
  world.repository.write({ p: '2\n' }, sub);
  inSub('commit', '-q', '-am', '2');
  world.repository.write({ p: '3\n' }, sub);
  const { commit, warnings } = await world.store.capture({ reason: 'moved' });
  expect(world.git('rev-parse', `${commit}:sub`)).toBe(inSub('rev-parse', 'HEAD'));
  expect(warnings.join()).toMatch(/not the changes inside the repository sub/);
  expect(readFileSync(path.join(sub, 'p'), 'utf8')).toBe('3\n');
});

it('says of no task that it had begun when the worktree went over to it in the middle of the capture', async () => {
  using world = await makeWorld({ files: { 'a.txt': '1\n' } });
  const { worktree, repository } = world;
  const file = path.join(worktreeGitDir(worktree), 'swarm-task');
  writeFileSync(file, 't1\n');
  world.write({ 'left.txt': 'of the first task\n' });
  let over = false;
  const limits = {
    // Read between the look at the files and their capture.
    get maxFileBytes() {
      if (!over) {
        world.git('checkout', '-q', '-b', 'swarm/task/t2');
        writeFileSync(file, 't2\n');
      }
      over = true;
      return 1_000_000;
    },
  };
  const shadowGit = path.join(repository.home, 'state', 'shadow.git');
  const place = { gitCommonDir: repository.gitCommonDir, shadowGit, worktree, agent: 'worker-1' };
  const store = new CheckpointStore(place, limits);
  const { n } = await store.capture({ reason: 'regular', task: 't2' });
  expect(over).toBe(true);
  expect((await store.list()).find((one) => one.n === n)?.begunTask).toBeNull();
  expect((await store.capture({ reason: 'regular', task: 't2' })).n).toBe(n + 1);
  expect((await store.list()).at(-1)?.begunTask).toBe('t2');
});
