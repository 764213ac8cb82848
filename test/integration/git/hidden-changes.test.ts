import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeRepository } from '../../support/git-repository.ts';
import { anAgent } from './agent.ts';

test.each(['2', '4'])(
  'a changed file that a mark in an index of version %s hides from git is named',
  async (version) => {
    using repository = makeRepository({ files: { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c ü.txt': 'c\n', 'd.txt': 'd\n' } });
    repository.git(['config', 'index.version', version]);
    const agent = await anAgent(repository);
    await agent.prepare();
    agent.git('update-index', '--assume-unchanged', 'a.txt', 'd.txt');
    agent.git('update-index', '--skip-worktree', 'b.txt', 'c ü.txt');
    agent.write({ 'a.txt': 'changed\n', 'c ü.txt': 'changed\n', 'new.txt': 'new\n' });
    rmSync(path.join(agent.worktree, 'd.txt'));

    const turn = await agent.commit();
    const notes = turn.outcome === 'unresolved' ? [] : turn.notes;
    expect(repository.git(['diff', '--name-only', 'main', 'swarm/task/t1'])).toBe('new.txt');
    expect(notes.map((note) => note.replace(/ was changed, and is hidden from git .*: /, ': '))).toEqual([
      'a.txt: the change is not in the result.',
      'c ü.txt: the change is not in the result.',
    ]);
    expect(
      readdirSync(agent.git('rev-parse', '--absolute-git-dir')).filter((name) => name.includes('unhidden')),
    ).toEqual([]);
  },
);
