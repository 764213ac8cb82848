import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { GitError } from '../../../src/git/errors.ts';
import { gitSpawnCount } from '../../../src/git/git.ts';
import { porcelain } from '../../../src/git/porcelain.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A bare repository that is reached through a stand-in for ssh, which notes the host and the command. */
function remoteOf(repository: TestRepository): { bare: string; url: string; ssh: string; reached: string } {
  const bare = path.join(repository.home, 'remote.git');
  const ssh = path.join(repository.home, 'ssh stand-in');
  const reached = path.join(repository.home, 'reached');
  mkdirSync(bare);
  repository.git(['init', '-q', '--bare', '-b', 'main'], bare);
  const script = ['#!/bin/sh', `echo "$@" >> '${reached}'`, 'for last; do :; done', 'eval "$last"'];
  writeFileSync(ssh, `${script.join('\n')}\n`);
  chmodSync(ssh, 0o755);
  return { bare, url: `ssh://someone@stand-in.invalid${bare}`, ssh, reached };
}

it("pushes and fetches over the person's own GIT_SSH_COMMAND", async () => {
  using repository = makeRepository();
  const { bare, url, ssh, reached } = remoteOf(repository);
  vi.stubEnv('GIT_SSH_COMMAND', `'${ssh}'`);
  vi.stubEnv('GIT_SSH_VARIANT', 'simple');
  const { root: cwd } = repository;
  await porcelain({ cwd }, (git) => git.addRemote('origin', url));
  const pushed = await porcelain({ cwd }, (git) => git.push('origin', 'main'));
  expect(pushed.pushed).toMatchObject([{ local: 'refs/heads/main', remote: 'refs/heads/main', new: true }]);
  expect(repository.git(['rev-parse', 'main'], bare)).toBe(repository.git(['rev-parse', 'main']));

  repository.git(['update-ref', 'refs/heads/other', 'main'], bare);
  const fetched = await porcelain({ cwd }, (git) => git.fetch('origin'));
  expect(fetched.branches).toMatchObject([{ name: 'other', tracking: 'origin/other' }]);
  expect(readFileSync(reached, 'utf8')).toContain('someone@stand-in.invalid git-receive-pack');
  expect(readFileSync(reached, 'utf8')).toContain('someone@stand-in.invalid git-upload-pack');
});

it('a remote that cannot be reached is a typed error with what git says', async () => {
  using repository = makeRepository();
  vi.stubEnv('GIT_SSH_COMMAND', 'sh -c "echo no route to it >&2; exit 255"');
  await porcelain({ cwd: repository.root }, (git) => git.addRemote('origin', 'ssh://stand-in.invalid/x'));
  const error = await porcelain({ cwd: repository.root }, (git) => git.fetch('origin')).catch(
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(GitError);
  expect(error).toMatchObject({ gitExitCode: 128, stderr: expect.stringContaining('no route to it') });
});

it('works in the directory that it is told, by the environment and the configuration of the other door', async () => {
  using repository = makeRepository();
  using other = makeRepository();
  const hook = path.join(repository.gitCommonDir, 'hooks', 'pre-commit');
  mkdirSync(path.dirname(hook), { recursive: true });
  writeFileSync(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  // Variables of a hook around the test, of a person's shell, and those that the library refuses unless they are
  // allowed.
  vi.stubEnv('GIT_DIR', other.gitCommonDir);
  vi.stubEnv('GIT_INDEX_FILE', path.join(other.home, 'index'));
  for (const name of ['EDITOR', 'VISUAL', 'PAGER', 'PREFIX', 'GIT_ASKPASS', 'SSH_ASKPASS']) vi.stubEnv(name, 'false');
  vi.stubEnv('GIT_CONFIG_COUNT', '1');
  vi.stubEnv('GIT_CONFIG_KEY_0', 'core.sshCommand');
  vi.stubEnv('GIT_CONFIG_VALUE_0', 'false');
  repository.write({ 'a file': 'text' });
  const before = gitSpawnCount();
  const branch = await porcelain({ cwd: repository.root }, async (git) => {
    await git.add(['-A']);
    await git.commit('No hook and no editor');
    return git.branch();
  });
  expect(branch.current).toBe('main');
  expect(gitSpawnCount() - before).toBe(3);
  vi.unstubAllEnvs();
  expect(repository.git(['log', '-1', '--format=%s'])).toBe('No hook and no editor');
  expect(other.git(['log', '-1', '--format=%s'])).not.toBe('No hook and no editor');
});

it('gives the errors of the other door, with the subcommand and the facts', async () => {
  using repository = makeRepository();
  const { root: cwd } = repository;
  repository.git(['config', 'alias.kill', '!kill -9 $PPID']);
  await expect(porcelain({ cwd }, (git) => git.diff(['nothing', '--']))).rejects.toMatchObject({
    name: 'GitError',
    gitExitCode: 128,
    cwd,
    message: expect.stringMatching(/^git diff failed in .*: bad revision 'nothing'$/),
  });
  // The library takes an exit code for a failure only where git printed something.
  await expect(porcelain({ cwd }, (git) => git.raw(['diff', '--quiet', 'HEAD^{tree}', EMPTY_TREE]))).rejects.toThrow(
    GitError,
  );
  await expect(porcelain({ cwd }, (git) => git.raw(['kill']))).rejects.toMatchObject({ gitExitCode: null });
  await expect(porcelain({ cwd: '/nowhere/at/all' }, (git) => git.branch())).rejects.toMatchObject({
    code: 'git-missing',
  });
  vi.stubEnv('PATH', '/nowhere/at/all');
  await expect(porcelain({ cwd }, (git) => git.branch())).rejects.toMatchObject({ code: 'git-missing' });
  vi.unstubAllEnvs();
});

it('ends git on time and when it is told to, also where something else holds its output', async () => {
  using repository = makeRepository();
  const { root: cwd } = repository;
  repository.git(['config', 'alias.wait', '!sleep 60 & touch begun; wait']);
  const wait = { cwd, timeoutMs: 300 };
  await expect(porcelain(wait, (git) => git.raw(['wait']))).rejects.toMatchObject({ code: 'git-timeout' });
  const abort = new AbortController();
  const running = porcelain({ cwd, signal: abort.signal }, (git) => git.raw(['wait']));
  await expect.poll(() => existsSync(path.join(cwd, 'begun'))).toBe(true);
  abort.abort(new Error('enough'));
  await expect(running).rejects.toMatchObject({ code: 'git-aborted' });
  await expect(porcelain({ cwd, signal: abort.signal }, (git) => git.branch())).rejects.toMatchObject({
    code: 'git-aborted',
  });
});

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
