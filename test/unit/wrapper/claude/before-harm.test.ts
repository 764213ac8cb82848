import { describe, expect, it, test } from 'vitest';
import { beforeHarm, harmfulPattern } from '../../../../src/wrapper/claude/before-harm.ts';
import { HARMFUL_COMMANDS } from '../../../../src/config/checkpoints.ts';

describe('a command that could harm', () => {
  it.each([
    ['git reset --hard HEAD~1', 'git reset --hard'],
    ['cd src && git -C .. reset --hard', 'git reset --hard'],
    ['git clean -fdx', 'git clean'],
    ['git checkout -- .', 'git checkout --'],
    ['npm test; rm -rf build', 'rm -r'],
    ['sudo /bin/rm -fr /x', 'rm -r'],
    ['rm --recursive x', 'rm -r'],
    ['rm -R x', 'rm -r'],
    ['bash -c "git stash"', 'git stash'],
    ['find . -name "*.ts" -delete', 'find -delete'],
    ['ls | xargs rm', 'xargs rm'],
    ['x=$(git rebase main)', 'git rebase'],
    ['FOO=1 git restore src', 'git restore'],
  ])('%s is met by %s', (command, pattern) => {
    expect(harmfulPattern(command, HARMFUL_COMMANDS)).toBe(pattern);
  });

  it.each(['git status', 'npm run clean', 'git log --stat', 'git checkout main', 'ls -r', 'echo done', 'git diff', ''])(
    '%s is none',
    (command) => {
      expect(harmfulPattern(command, HARMFUL_COMMANDS)).toBeNull();
    },
  );

  it('is whatever a project says', () => {
    expect(harmfulPattern('make wipe', ['make wipe'])).toBe('make wipe');
    expect(harmfulPattern('git reset --hard', [])).toBeNull();
  });
});

test('only a shell command of Claude Code is looked at, and what could harm waits for the checkpoint', async () => {
  const taken: string[] = [];
  const before = beforeHarm(HARMFUL_COMMANDS, async (reason) => void taken.push(reason));
  await before('Bash', { command: 'git clean -f' });
  await before('Bash', { command: 'ls' });
  await before('Edit', { command: 'rm -rf x' });
  await before('Bash', null);
  expect(taken).toEqual(['before git clean']);
});
