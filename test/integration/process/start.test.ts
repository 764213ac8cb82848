import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { obstacleTo, StartError, startProblemOf } from '../../../src/lib/start-error.ts';
import { startProgram } from '../../../src/process/index.ts';

let directory = '';
const inside = (name: string): string => path.join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'start-'));
  await mkdir(inside('on path'));
  await writeFile(inside('plain'), 'no program\n', { mode: 0o644 });
  await writeFile(inside('on path/plain'), 'no program\n', { mode: 0o644 });
  await symlink('/nowhere/at/all', inside('dead'));
  await symlink('/nowhere/at/all', inside('on path/dead'));
  await symlink(inside('circle'), inside('circle'));
  await writeFile(inside('orphan'), '#!/nowhere/python -u\n', { mode: 0o755 });
  await writeFile(inside('env-orphan'), '#!/usr/bin/env -S X=1 no-such-node --flag\n', { mode: 0o755 });
});
afterAll(() => rm(directory, { recursive: true }));

async function errorOf(argv: string[], env: Record<string, string> = {}, cwd = directory): Promise<StartError> {
  const searchPath = `${inside('on path')}:/usr/bin:/bin`;
  const begun = startProgram(
    argv,
    { cwd, env: { PATH: searchPath, ...env }, stdio: 'ignore' },
    { setting: 'verify.x' },
  );
  if (!('failed' in begun)) throw new Error(`${argv.join(' ').slice(0, 80)} runs`);
  return await begun.failed;
}

describe('a program that cannot be started', () => {
  const install = 'Install it, or correct verify.x in swarm.yaml.';
  const chmod = (file: string): string =>
    `Make it executable (\`chmod +x ${file}\`), or correct verify.x in swarm.yaml.`;
  test.each([
    ['is on no PATH', ['no-such-program'], 'there is no such program on PATH (ENOENT)', install],
    ['is not there', ['@/none'], 'there is no such file (ENOENT)', install],
    ['is not in the directory', ['./none'], 'there is no such file (ENOENT)', install],
    ['lies below a file', ['@/plain/none'], 'there is no such file (ENOTDIR)', install],
    ['is a directory', ['@/on path'], 'it is a directory (EACCES)', install],
    ['is a dead link', ['@/dead'], 'it is a link to /nowhere/at/all, which is not there (ENOENT)', install],
    [
      'is a dead link on PATH',
      ['dead'],
      '@/on path/dead: it is a link to /nowhere/at/all, which is not there (ENOENT)',
      install,
    ],
    ['is a link to itself', ['@/circle'], 'its links lead in a circle (ELOOP)', install],
    ['may not be executed', ['@/plain'], 'it may not be executed (EACCES)', chmod('@/plain')],
    [
      'may not be executed on PATH',
      ['plain'],
      '@/on path/plain: it may not be executed (EACCES)',
      chmod('@/on path/plain'),
    ],
    [
      'has no interpreter',
      ['@/orphan'],
      'its interpreter /nowhere/python is not there (ENOENT)',
      'Install python, or correct verify.x in swarm.yaml.',
    ],
    ['has no name', [''], 'there is no such program on PATH (ERR_INVALID_ARG_VALUE)', install],
    [
      'gets a NUL',
      ['true', 'a\0b'],
      'an argument is empty or holds a NUL (ERR_INVALID_ARG_VALUE)',
      'Correct it, or correct verify.x in swarm.yaml.',
    ],
    [
      'gets too much',
      ['true', 'x'.repeat(3_000_000)],
      'its arguments and its environment are longer than the system takes (E2BIG)',
      'Correct it, or correct verify.x in swarm.yaml.',
    ],
  ])('that %s: says why and what to do, and that no waiting mends it', async (_what, argv, reason, hint) => {
    const here = (text: string): string => text.replaceAll('@', directory);
    const error = await errorOf(argv.map(here));
    expect([error.message, error.hint]).toEqual([`${argv[0] ?? ''} cannot be started: ${reason}`, hint].map(here));
    expect([error.code, error.lasting, error.retrySafe]).toEqual(['cannot-start', true, true]);
  });

  test('in a directory that is gone needs that directory', async () => {
    const error = await errorOf(['true'], {}, inside('gone'));
    expect(error).toMatchObject({
      message: `true cannot be started: its directory ${inside('gone')} is gone (ENOENT)`,
      hint: 'Make that directory anew.',
      lasting: true,
    });
  });

  test.each(['EAGAIN', 'ENOMEM', 'EMFILE', 'ETXTBSY'])('by %s may be started a moment later', (code) => {
    const place = { program: 'true', cwd: '/', searchPath: '/usr/bin:/bin' };
    expect(new StartError(place, Object.assign(new Error('spawn'), { code })).lasting).toBe(false);
  });

  test('and is there when it is looked for, as after an update in between, may be started a moment later', () => {
    const place = { program: 'true', cwd: '/', searchPath: '/usr/bin:/bin' };
    const error = new StartError(place, Object.assign(new Error('spawn true ENOENT'), { code: 'ENOENT' }));
    expect([error.lasting, error.visible]).toEqual([false, false]);
  });
});

test('a script whose interpreter `env` does not find was started in vain; another end with 127 proves nothing', () => {
  const place = { program: inside('env-orphan'), cwd: directory, searchPath: '/usr/bin:/bin' };
  expect(startProblemOf(127, place)).toMatchObject({
    message: `${inside('env-orphan')} cannot be started: its interpreter no-such-node is not on PATH`,
    hint: 'Install no-such-node.',
    lasting: true,
  });
  expect(startProblemOf(1, place)).toBeNull();
  expect(startProblemOf(127, { ...place, program: 'sh' })).toBeNull();
});

test('a program that runs is given back at once', async () => {
  expect(obstacleTo({ program: 'sleep', cwd: '/', searchPath: '/usr/bin:/bin' })).toBeNull();
  const begun = startProgram(['sleep', '60'], { cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore' });
  if ('failed' in begun) throw await begun.failed;
  begun.child.kill();
});
