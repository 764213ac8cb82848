import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { mergeTask } from '../../../src/git/merge/merge-task.ts';
import { readStatus } from '../../../src/git/repository/status.ts';
import { unsavedWork } from '../../../src/git/worktree/unsaved-work.ts';
import { removeWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository } from '../../support/git-repository.ts';
import { anAgent } from './agent.ts';

test('the person’s monitor of files is asked by no call of swarm’s, which would start one for each worktree', async () => {
  using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
  const asked = path.join(repository.home, 'asked');
  const monitor = path.join(repository.home, 'monitor');
  // It says that anything may have changed.
  writeFileSync(monitor, `#!/bin/sh\necho asked >>'${asked}'\nprintf 'token\\000/\\000'\n`);
  chmodSync(monitor, 0o755);
  repository.git(['config', 'core.fsmonitor', monitor]);
  repository.git(['status']);
  expect(readFileSync(asked, 'utf8')).toContain('asked');
  writeFileSync(asked, '');

  const agent = await anAgent(repository);
  await agent.prepare();
  agent.write({ 'b.txt': 'b\n' });
  await unsavedWork({ root: repository.root, worktree: agent.worktree });
  const { head } = await agent.commit();
  await readStatus(repository.root, { untracked: 'all' });
  const scratchDir = path.join(repository.home, 'scratch');
  await mergeTask({ root: repository.root, into: 'main', commit: head ?? '', message: 'Merge t1', scratchDir });
  await removeWorktree({ root: repository.root, path: agent.worktree });
  expect(readFileSync(asked, 'utf8')).toBe('');
  expect(readFileSync(path.join(repository.root, 'b.txt'), 'utf8')).toBe('b\n');
});

test('a monitor that has ended, or that does not answer, keeps no worktree from being removed', async () => {
  using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const answer of ['', 'sleep 60;']) {
    const { worktree } = await anAgent(repository);
    writeFileSync(path.join(repository.gitCommonDir, 'worktrees/worker-1/fsmonitor--daemon.ipc'), '');
    const git = path.join(repository.home, 'bin/git');
    mkdirSync(path.dirname(git), { recursive: true });
    const silent = `case "$*" in *fsmonitor--daemon*) ${answer} ;; esac`;
    writeFileSync(git, `#!/bin/sh\n${silent}\nPATH='${process.env['PATH']}' exec git "$@"\n`);
    chmodSync(git, 0o755);
    vi.stubEnv('PATH', `${path.dirname(git)}:${process.env['PATH']}`);
    await removeWorktree({ root: repository.root, path: worktree });
    expect(existsSync(worktree)).toBe(false);
    vi.unstubAllEnvs();
  }
});
