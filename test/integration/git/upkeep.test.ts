import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository } from '../../support/git-repository.ts';

test('a worktree whose entry git’s upkeep removes while it is made is made at the next try', async () => {
  using repository = makeRepository({ files: { 'a.txt': 'a\n' } });
  onTestFinished(() => void vi.unstubAllEnvs());
  // The upkeep after a commit that is made at that moment; its words are those of git 2.55.
  const once = path.join(repository.home, 'once');
  const git = path.join(repository.home, 'bin/git');
  const inTheWay = `case "$*" in *'worktree add'*)
  [ -e '${once}' ] || { : >'${once}'; echo "fatal: could not open '.git/worktrees/worker-1/locked' for writing: No such file or directory" >&2; exit 128; } ;;
esac`;
  mkdirSync(path.dirname(git));
  writeFileSync(git, `#!/bin/sh\n${inTheWay}\nPATH='${process.env['PATH']}' exec git "$@"\n`);
  chmodSync(git, 0o755);
  vi.stubEnv('PATH', `${path.dirname(git)}:${process.env['PATH']}`);
  const worktree = path.join(repository.home, 'repo.swarm/worker-1');
  await addWorktree({ root: repository.root, path: worktree, commit: repository.git(['rev-parse', 'main']) });
  expect(existsSync(once)).toBe(true);
  expect(existsSync(path.join(worktree, 'a.txt'))).toBe(true);
});
