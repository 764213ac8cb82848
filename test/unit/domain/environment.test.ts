import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { classOf, environmentFor, VARIABLES, type Receiver } from '../../../src/domain/environment.ts';

const RECEIVERS: readonly Receiver[] = ['programs', 'swarm', 'git'];
/** The names that this receiver gets. */
const given = (receiver: Receiver, names: readonly string[]): string[] =>
  Object.keys(environmentFor(receiver, Object.fromEntries(names.map((name) => [name, 'x']))));
const LOCAL = execFileSync('git', ['rev-parse', '--local-env-vars'], { encoding: 'utf8' }).trim().split('\n');

describe('An environment that is made from the caller’s', () => {
  it('has been decided upon for each variable that git itself counts as of one repository', () => {
    expect(LOCAL).toContain('GIT_DIR');
    expect(LOCAL.filter((name) => classOf(name) === null)).toEqual([]);
  });

  it.each(RECEIVERS)('never says to %s which repository is meant; settings are no repository', (receiver) => {
    const others = [
      'GIT_PREFIX',
      'GIT_NAMESPACE',
      'GIT_QUARANTINE_PATH',
      'GIT_INTERNAL_SUPER_PREFIX',
      'GIT_ATTR_SOURCE',
    ];
    expect(given(receiver, [...LOCAL, ...others]).sort()).toEqual(['GIT_CONFIG_COUNT', 'GIT_CONFIG_PARAMETERS']);
  });

  it.each(RECEIVERS)('tells %s how a remote is reached, the author of commits, and the settings', (receiver) => {
    const names = [
      'GIT_SSH',
      'GIT_SSH_COMMAND',
      'GIT_SSH_VARIANT',
      'GIT_ASKPASS',
      'GIT_SSL_CAINFO',
      'GIT_HTTP_PROXY_AUTHMETHOD',
      'GIT_PROXY_COMMAND',
      'GIT_ALLOW_PROTOCOL',
      'GIT_LFS_SKIP_SMUDGE',
      'GIT_AUTHOR_NAME',
      'GIT_AUTHOR_EMAIL',
      'GIT_COMMITTER_NAME',
      'GIT_COMMITTER_EMAIL',
      'GIT_CONFIG_GLOBAL',
      'GIT_CONFIG_SYSTEM',
      'GIT_CONFIG_NOSYSTEM',
      'GIT_CONFIG_KEY_0',
      'GIT_CONFIG_VALUE_12',
      'GIT_CEILING_DIRECTORIES',
      'SSH_AUTH_SOCK',
      'PATH',
      'NODE_EXTRA_CA_CERTS',
    ];
    expect(given(receiver, names)).toEqual(names);
  });

  it.each(RECEIVERS)('has nothing for %s of the terminal, agent or command that swarm was called from', (receiver) => {
    const names = ['TMUX', 'COLUMNS', 'SWARM_MARK', 'SWARM_WRAPPER', 'SWARM_WORKTREE', 'CLAUDECODE'];
    expect(given(receiver, [...names, 'GIT_AUTHOR_DATE', 'GIT_LITERAL_PATHSPECS', 'GIT_REFLOG_ACTION'])).toEqual([]);
  });

  it('leaves what changes the answers of git to the person’s programs', () => {
    const names = ['GIT_TRACE', 'GIT_TRACE2_EVENT', 'GIT_EXTERNAL_DIFF', 'LANGUAGE'];
    expect(given('programs', names)).toEqual(names);
    expect(given('git', names)).toEqual([]);
  });

  it('leaves what is said to Node to the person’s programs; a Node of swarm has options of its own', () => {
    const names = ['NODE_OPTIONS', 'NODE_V8_COVERAGE', 'NODE_INSPECT_RESUME_ON_START', 'NODE_PATH', 'NODE_DEBUG'];
    expect(given('programs', names)).toEqual(names);
    expect(given('swarm', names)).toEqual([]);
    const caller = { NODE_OPTIONS: '--require gone.cjs', SWARM_NODE_OPTIONS: '--trace-warnings' };
    expect(environmentFor('programs', caller)).toEqual(caller);
    expect(environmentFor('swarm', caller)).toEqual({ ...caller, NODE_OPTIONS: '--trace-warnings' });
  });

  it.each(RECEIVERS)('has no channel to the Node program around swarm for %s', (receiver) => {
    expect(given(receiver, ['NODE_CHANNEL_FD', 'NODE_UNIQUE_ID', 'NODE_TEST_CONTEXT'])).toEqual([]);
  });

  it('is the same when it is made twice, and lacks what has no value', () => {
    const caller = { PATH: '/bin', GIT_DIR: '/x', GONE: undefined };
    expect(environmentFor('swarm', environmentFor('programs', caller))).toEqual({ PATH: '/bin' });
  });
});

describe('The table of variables', () => {
  it('names each one once, with a reason', () => {
    const names = VARIABLES.flatMap((row) => row.names);
    expect(names).toHaveLength(new Set(names).size);
    expect(VARIABLES.filter(({ why }) => why === '')).toEqual([]);
  });
});
