import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { gitText } from '../../../src/git/git.ts';
import { addWorktree } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository } from '../../support/git-repository.ts';

afterEach(() => vi.unstubAllEnvs());

describe('How a remote is reached, as the person’s shell says it', () => {
  it('is what a worktree of a partial clone is fetched by', async () => {
    using origin = makeRepository({ files: { 'a.txt': 'first\n' } });
    const commit = origin.commit({ 'a.txt': 'second\n' });
    for (const setting of ['allowFilter', 'allowAnySHA1InWant'])
      origin.git(['config', `uploadpack.${setting}`, 'true']);
    const ssh = path.join(origin.home, 'ssh');
    // The last argument is the command for the other side.
    writeFileSync(ssh, '#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\nexec sh -c "$1"\n');
    chmodSync(ssh, 0o755);
    vi.stubEnv('GIT_SSH_COMMAND', ssh);
    vi.stubEnv('GIT_SSH_VARIANT', 'simple');
    const clone = path.join(origin.home, 'clone');
    origin.git(['clone', '-q', '--filter=blob:none', '--no-checkout', `ssh://host.invalid${origin.root}`, clone]);
    const worktree = path.join(origin.home, 'worktree');
    expect(await addWorktree({ root: clone, path: worktree, commit })).toEqual({ notes: [] });
    expect(readFileSync(path.join(worktree, 'a.txt'), 'utf8')).toBe('second\n');
  });

  it('does not keep the copies of submodules from being made, which needs no remote', async () => {
    using repository = makeRepository();
    using inner = makeRepository({ files: { 'lib.txt': 'of the library\n' } });
    repository.git(['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.root, 'lib']);
    repository.git(['commit', '-qm', 'with a library']);
    vi.stubEnv('GIT_ALLOW_PROTOCOL', 'https:ssh');
    const worktree = path.join(repository.home, 'worktree');
    const commit = repository.git(['rev-parse', 'HEAD']);
    expect(await addWorktree({ root: repository.root, path: worktree, commit })).toEqual({ notes: [] });
    expect(readFileSync(path.join(worktree, 'lib/lib.txt'), 'utf8')).toBe('of the library\n');
  });
});

describe('What the environment may go on saying, since git is led nowhere else by it', () => {
  const topLevel = (cwd: string) => gitText(['rev-parse', '--show-toplevel', '--is-bare-repository'], { cwd });

  it.each([
    ['GIT_CONFIG_PARAMETERS', "'core.worktree'='/tmp' 'core.bare'='true'"],
    ['GIT_CEILING_DIRECTORIES', '..:.'],
  ])('%s=%s', async (name, value) => {
    using repository = makeRepository();
    const deep = path.join(repository.root, 'deep');
    const linked = path.join(repository.home, 'linked');
    mkdirSync(deep);
    repository.git(['worktree', 'add', '-q', '--detach', linked]);
    vi.stubEnv(name, value);
    expect(await topLevel(deep)).toBe(`${repository.root}\nfalse`);
    expect(await topLevel(linked)).toBe(`${linked}\nfalse`);
  });

  it('settings of `git -c` hold for swarm’s own calls, unless swarm sets them itself', async () => {
    using repository = makeRepository();
    vi.stubEnv('GIT_CONFIG_PARAMETERS', "'user.name'='Somebody Else' 'core.quotePath'='true'");
    const asked = ['user.name', 'core.quotePath'].map((key) => gitText(['config', key], { cwd: repository.root }));
    expect(await Promise.all(asked)).toEqual(['Somebody Else', 'false']);
  });
});
