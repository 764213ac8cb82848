import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { relink } from '../../../src/git/worktree/relink.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { anAgent } from './agent.ts';

const made = { 'by-agent.txt': 'work\n' };

describe('A worktree whose .git an agent took away', () => {
  it('replaced by a repository of its own: the result has the files, its commits are kept, and tasks go on', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    await agent.prepare();
    rmSync(path.join(agent.worktree, '.git'));
    agent.git('init', '-q');
    agent.write(made);
    agent.git('add', '-A');
    agent.git(
      '-c',
      'user.name=an agent',
      '-c',
      'user.email=agent@example.org',
      'commit',
      '-qm',
      'in a repository of its own',
    );
    const own = agent.git('rev-parse', 'HEAD');

    const note = await relink({ gitCommonDir: repository.gitCommonDir, worktree: agent.worktree });
    const result = await agent.commit();
    expect(repository.git(['show', 'swarm/task/t1:by-agent.txt'])).toBe('work');
    expect(result).toMatchObject({ outcome: 'committed', branch: 'swarm/task/t1' });
    const [, folder = ''] = /lies in (.+)\.$/.exec(note ?? '') ?? [];
    expect(repository.git(['--git-dir', path.join(folder, '.git'), 'log', '--format=%H %s'])).toBe(
      `${own} in a repository of its own`,
    );
    expect((await agent.prepare({ taskBranch: 'swarm/task/t2' })).leftovers).toEqual([]);
    expect(existsSync(path.join(agent.worktree, 'by-agent.txt'))).toBe(false);
  });

  it('removed: nothing of it lands in a repository around the worktree', async () => {
    using outer = makeRepository({ name: 'outer' });
    using repository = makeRepository({ parent: outer.root });
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.write(made);
    rmSync(path.join(agent.worktree, '.git'));
    const before = outer.git(['rev-parse', 'HEAD']);

    expect(await relink({ gitCommonDir: repository.gitCommonDir, worktree: agent.worktree })).toContain('was removed');
    await agent.commit();
    expect(repository.git(['show', 'swarm/task/t1:by-agent.txt'])).toBe('work');
    expect(outer.git(['rev-parse', 'HEAD'])).toBe(before);
  });

  it('turned to the worktree of another agent: each has its own again', async () => {
    using repository = makeRepository();
    const agent = await anAgent(repository);
    const other = await anAgent(repository, 'worker-2');
    writeFileSync(path.join(agent.worktree, '.git'), readFileSync(path.join(other.worktree, '.git')));
    expect(await relink({ gitCommonDir: repository.gitCommonDir, worktree: agent.worktree })).toContain('was replaced');
    expect(agent.git('rev-parse', '--git-dir')).toBe(path.join(repository.gitCommonDir, 'worktrees', 'worker-1'));
  });

  it('is left as it is where all is well, and where the repository does not know it any more', async () => {
    using repository = makeRepository();
    const worktree = path.join(repository.home, 'one');
    await addWorktree({ root: repository.root, path: worktree, commit: 'main' });
    const place = { gitCommonDir: repository.gitCommonDir, worktree };
    expect(await relink(place)).toBeNull();
    rmSync(path.join(worktree, '.git'));
    repository.git(['worktree', 'prune']);
    expect(await relink(place)).toBeNull();
    expect(readdirSync(worktree)).not.toContain('.git');
  });
});
