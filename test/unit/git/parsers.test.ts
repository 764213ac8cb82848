import { describe, expect, it } from 'vitest';
import { joinNul, printable, splitNul } from '../../../src/git/bytes.ts';
import { messageWithTrailers } from '../../../src/git/task/commit-turn.ts';
import { gitEnvironment } from '../../../src/git/environment.ts';
import { mainSentence, parseGitStderr, skippedByAdd } from '../../../src/git/errors.ts';
import { unfinishedAmong } from '../../../src/git/repository/operations.ts';
import { parseGitVersion } from '../../../src/git/repository/repository.ts';
import { parseStatus } from '../../../src/git/repository/status.ts';
import { taskBranch } from '../../../src/git/task/task-branches.ts';
import { parseNumstat } from '../../../src/git/task/task-diff.ts';
import { parseWorktreeList } from '../../../src/git/worktree/worktrees.ts';

const oid = 'a'.repeat(40);

describe('The environment of git', () => {
  it('makes git ask no question, wait for no person and answer in English', () => {
    const own = { GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_EDITOR: ':', GIT_PAGER: 'cat', LC_ALL: 'C' };
    const persons = { GIT_EDITOR: 'vi', GIT_PAGER: 'less', LC_ALL: 'de_DE.UTF-8', LANGUAGE: 'de' };
    expect(gitEnvironment({ PATH: '/bin', ...persons })).toEqual({ PATH: '/bin', ...own });
  });

  it('lets a caller set them on purpose', () => {
    expect(gitEnvironment({ GIT_DIR: '/x' }, { GIT_DIR: '/mine' })).toMatchObject({ GIT_DIR: '/mine' });
  });
});

describe('What git says on stderr', () => {
  it.each([
    ["fatal: Unable to create '/r/.git/index.lock': File exists.", 'index-locked', true],
    [
      "fatal: cannot lock ref 'refs/heads/x': Unable to create '/r/.git/refs/heads/x.lock': File exists.",
      'ref-locked',
      true,
    ],
    [
      `fatal: update_ref failed for ref 'refs/heads/x': cannot lock ref 'refs/heads/x': is at ${oid} but expected ${oid}`,
      'ref-changed',
      true,
    ],
    [
      "fatal: update_ref failed for ref 'refs/heads/a': cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create 'refs/heads/a'",
      'ref-name-taken',
      false,
    ],
    ['warning: Not updating refs/swarm/checkpoints/w/2 (new tip a does not contain b)', 'ref-changed', true],
    ['fatal: not a git repository (or any of the parent directories): .git', 'no-repository', false],
    ['fatal: this operation must be run in a work tree', 'bare-repository', false],
    ["fatal: detected dubious ownership in repository at '/r'", 'dubious-ownership', false],
    ['error: unable to write file x: No space left on device', 'disk-full', false],
    ['error: unable to write file some/large.bin\n', 'disk-full', false],
    ["fatal: sha1 file '/s/worker-1.index.lock' write error. Out of diskspace", 'disk-full', false],
    ["fatal: update_ref failed for ref 'a': cannot update ref 'a': couldn't write '/r/a.lock'", 'disk-full', false],
    ["error: couldn't close 'HEAD.lock'", 'disk-full', false],
    ["fatal: update_ref failed for ref 'a': reftable: transaction failure: I/O error", 'disk-full', false],
    ['error: unable to write file x: Read-only file system', 'read-only', false],
    ["fatal: '/w' contains modified or untracked files, use --force to delete it", 'worktree-dirty', false],
    ["fatal: 'b' is already checked out at '/w'", 'branch-in-use', false],
    ["fatal: 'b' is already used by worktree at '/w'", 'branch-in-use', false],
    ['fatal: Not possible to fast-forward, aborting.', 'not-fast-forward', false],
    ["error: 'n/' does not have a commit checked out", 'embedded-repository', false],
    ['error: cannot add a submodule of a different hash algorithm', 'embedded-repository', false],
    ['fatal: loose object abc (stored in x) is corrupt', 'corrupt-repository', false],
    ['something unknown', 'git-failed', false],
  ])('%s → %s', (stderr, code, retrySafe) => {
    const failure = parseGitStderr(stderr);
    expect(failure).toMatchObject({ code, retrySafe });
    expect(failure.hint).not.toBe('');
  });

  const NO_LFS = "git-lfs: 1: git-lfs: not found\nerror: external filter 'git-lfs smudge -- %f' failed 127\n";
  const NO_PROCESS =
    "error: packet write with format failed\nerror: Could not write client identification\nerror: initialization for subprocess 'git-lfs filter-process' failed\n";

  it.each([
    [`${NO_LFS}fatal: a.bin: smudge filter lfs failed`, 'filter-failed', true],
    [`${NO_PROCESS}fatal: a.bin: smudge filter lfs failed`, 'filter-failed', true],
    ["fatal: cannot run ./f: Permission denied\nerror: cannot fork to run subprocess './f'", 'filter-failed', true],
    [
      "error: external filter 'git-lfs smudge' failed 2\nfatal: a.bin: smudge filter lfs failed",
      'filter-failed',
      undefined,
    ],
    ["fatal: detected dubious ownership in repository at '/r'", 'dubious-ownership', true],
    ['fatal: this operation must be run in a work tree', 'bare-repository', true],
    ["fatal: could not create directory of '/r/w': Read-only file system", 'read-only', true],
    ["fatal: Unable to create '/r/.git/index.lock': File exists.", 'index-locked', undefined],
  ])('waits for a person where no waiting mends it: %s', (stderr, code, lasting) => {
    const failure = parseGitStderr(stderr);
    expect([failure.code, failure.lasting]).toEqual([code, lasting]);
  });

  it('is a read-only file system where that is why a reftable could not be written', () => {
    const stderr = "fatal: update_ref failed for ref 'a': reftable: transaction prepare: I/O error\n";
    expect(parseGitStderr(stderr, () => true)).toMatchObject({ code: 'read-only', lasting: true });
  });

  it('is told to people by its most telling sentence', () => {
    expect(mainSentence('warning: a\nhint: b\nfatal: the reason\nhint: c\n')).toBe('the reason');
    expect(mainSentence(NO_LFS)).toBe("external filter 'git-lfs smudge -- %f' failed 127");
    expect(mainSentence(NO_PROCESS)).toBe("initialization for subprocess 'git-lfs filter-process' failed");
    expect(mainSentence('')).toBe('no message');
  });

  it('names what add left out', () => {
    const stderr =
      "error: open(\"a b\"): Permission denied\nerror: unable to index file 'a b'\nerror: 'n/' does not have a commit checked out\n";
    expect(skippedByAdd(stderr)).toEqual(['a b', 'n/']);
  });
});

describe('What git prints', () => {
  it('keeps names as bytes', () => {
    const bytes = Buffer.concat([Buffer.from('a b\0'), Buffer.from([0xff, 0x0a]), Buffer.from('\0')]);
    const names = splitNul(bytes);
    expect(names).toHaveLength(2);
    expect(joinNul(names).equals(bytes)).toBe(true);
    expect(printable(splitNul(Buffer.from('ü\0'))[0] ?? '')).toBe('ü');
    expect(splitNul(Buffer.alloc(0))).toEqual([]);
    expect(joinNul([])).toHaveLength(0);
  });

  it('is read as a status with branch, changes, conflicts and untracked files', () => {
    const records = [
      `# branch.oid ${oid}`,
      '# branch.head swarm/task/t1',
      `1 .M N... 100644 100644 100644 ${oid} ${oid} with space.txt`,
      `2 R. N... 100644 100644 100644 ${oid} ${oid} R100 new name`,
      'old name',
      `u UU N... 100644 100644 100644 100644 ${oid} ${oid} ${oid} both sides.txt`,
      '? new file',
      '! ignored',
    ];
    expect(parseStatus(Buffer.from(`${records.join('\0')}\0`))).toEqual({
      commit: oid,
      branch: 'swarm/task/t1',
      changed: ['with space.txt', 'new name'],
      untracked: ['new file'],
      unmerged: ['both sides.txt'],
    });
    expect(parseStatus(Buffer.from('# branch.oid (initial)\0# branch.head (detached)\0'))).toMatchObject({
      commit: null,
      branch: null,
    });
  });

  it('is read as a list of worktrees', () => {
    const text = [
      'worktree /r',
      `HEAD ${oid}`,
      'branch refs/heads/main',
      '',
      'worktree /w w',
      `HEAD ${'0'.repeat(40)}`,
      'detached',
      'locked why',
      '',
      'worktree /b',
      'bare',
      '',
    ].join('\0');
    expect(parseWorktreeList(`${text}\0`)).toEqual([
      { path: '/r', commit: oid, branch: 'main', bare: false, locked: false },
      { path: '/w w', commit: null, branch: null, bare: false, locked: true },
      { path: '/b', commit: null, branch: null, bare: true, locked: false },
    ]);
  });

  it('is read as numbers of lines', () => {
    expect(parseNumstat('1\t2\ta b\0-\t-\tbin\0')).toEqual([
      { path: 'a b', added: 1, removed: 2 },
      { path: 'bin', added: null, removed: null },
    ]);
    expect(parseGitVersion('git version 2.39.5 (Apple Git-1)')).toEqual([2, 39]);
    expect(parseGitVersion('nonsense')).toBeNull();
  });
});

describe('What swarm tells git', () => {
  it('puts trailers after the message, one line each', () => {
    expect(messageWithTrailers('Subject\n\nbody\n', { 'Swarm-Task': 't1', 'Swarm-Agent': 'a\nb' })).toBe(
      'Subject\n\nbody\n\nSwarm-Task: t1\nSwarm-Agent: a b\n',
    );
    expect(messageWithTrailers('  ', {})).toBe('work of an agent\n');
  });

  it('makes no branch of an id that could be an option or a path', () => {
    expect(taskBranch('t12')).toBe('swarm/task/t12');
    for (const bad of ['', '-x', 'a/b', '..', 'a b']) expect(() => taskBranch(bad)).toThrow(/branch name/);
  });
});

describe('What says that an operation is unfinished', () => {
  it.each([
    [['ORIG_HEAD'], []],
    [['MERGE_MSG', 'ORIG_HEAD'], []],
    [
      ['MERGE_HEAD', 'MERGE_MSG', 'ORIG_HEAD'],
      ['MERGE_HEAD', 'MERGE_MSG', 'ORIG_HEAD'],
    ],
    [['rebase-merge/onto'], ['rebase-merge/onto']],
  ])('of %j is %j', (names, expected) => {
    expect(unfinishedAmong(names)).toEqual(expected);
  });
});
