import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { projectLayout, withRuntimeDir } from '../../../../src/domain/layout.ts';
import { readRuntimeDir } from '../../../../src/store/place/runtime-record.ts';
import { placeToBegin } from '../../../../src/store/place/runtime-place.ts';
import { takeRuntimePlace, writeRuntimeDir } from '../../../../src/supervisor/project/runtime-place.ts';
import { listen, wrapperOf } from '../../../support/signs-of-life.ts';

const uid = process.getuid?.() ?? 0;

const test = base
  .extend('dir', async ({}, { onCleanup }) => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'swarm-place-'));
    onCleanup(() => rm(dir, { recursive: true, force: true }));
    return dir;
  })
  .extend('own', async ({ dir }) => {
    const env = { HOME: dir, XDG_RUNTIME_DIR: path.join(dir, 'b') };
    const own = projectLayout({ gitCommonDir: path.join(dir, '.git'), root: dir, env, uid, tmpdir: dir });
    await mkdir(own.stateDir, { recursive: true });
    return own;
  })
  /** The files of a supervisor that another shell started, its directory among them. */
  .extend('before', async ({ dir, own }) => {
    const before = withRuntimeDir(own, path.join(dir, 'a', own.hash));
    await mkdir(before.runtimeDir, { recursive: true });
    await writeRuntimeDir(before.runtimeFile, before.runtimeDir);
    return before;
  });

describe('where a supervisor begins', () => {
  test('where its own shell says, as long as nothing is written down', async ({ own }) => {
    expect(await placeToBegin(own, uid)).toBe(own);
    for (const text of ['', '{"runtimeDir":', '{"runtimeDir":"relative"}', '[]', 'null']) {
      await writeFile(own.runtimeFile, text);
      expect(readRuntimeDir(own.runtimeFile), text).toBe(null);
      expect(await placeToBegin(own, uid), text).toBe(own);
    }
  });

  test('where its own shell says, once nothing lives where the one before was', async ({ own, before }) => {
    expect(await placeToBegin(own, uid)).toBe(own);
    await writeFile(before.tmuxSocket, '');
    expect(await placeToBegin(own, uid)).toBe(own);
  });

  test('where the tmux server of the one before still listens', async ({ own, before }) => {
    await using _server = await listen(before.tmuxSocket);
    expect(await placeToBegin(own, uid)).toEqual(before);
  });

  test('where its wrappers expect it, also when the directory was removed under them', async ({ own, before }) => {
    await using _wrapper = await wrapperOf(own);
    await rm(before.runtimeDir, { recursive: true });
    expect(await placeToBegin(own, uid)).toEqual(before);
  });

  test('never in what is no directory of ours by now', async ({ own, before }) => {
    await using _wrapper = await wrapperOf(own);
    await rm(before.runtimeDir, { recursive: true });
    await writeFile(before.runtimeDir, '');
    expect(await placeToBegin(own, uid)).toBe(own);
    expect(await placeToBegin(own, uid + 1)).toBe(own);
  });
});

describe('what it does to the place', () => {
  test('makes it, for us alone, and tells every shell', async ({ own }) => {
    expect(await takeRuntimePlace(own, uid)).toBe(own);
    expect((await stat(own.runtimeDir)).mode & 0o777).toBe(0o700);
    expect(readRuntimeDir(own.runtimeFile)).toBe(own.runtimeDir);
    expect((await stat(own.runtimeFile)).mode & 0o777).toBe(0o600);
  });

  test('makes the one anew that living wrappers expect', async ({ own, before }) => {
    await using _wrapper = await wrapperOf(own);
    await rm(before.runtimeDir, { recursive: true });
    expect(await takeRuntimePlace(own, uid)).toEqual(before);
    expect([existsSync(before.runtimeDir), existsSync(own.runtimeDir)]).toEqual([true, false]);
    expect(JSON.parse(await readFile(own.runtimeFile, 'utf8'))).toEqual({ runtimeDir: before.runtimeDir });
  });

  test('leaves no secret in the one that is given up, and nothing of others', async ({ own, before }) => {
    const theirs = path.join(before.runtimeDir, 'theirs');
    await mkdir(before.specDir);
    for (const file of [before.envSnapshot, path.join(before.specDir, 'worker-1.json'), before.apiSocket, theirs])
      await writeFile(file, 'x');
    await takeRuntimePlace(own, uid);
    expect([existsSync(before.envSnapshot), existsSync(before.specDir), existsSync(before.apiSocket)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(existsSync(theirs)).toBe(true);
  });

  test('touches nothing of a supervisor that has another state directory', async ({ own, before }) => {
    await using _server = await listen(before.apiSocket);
    await writeFile(before.envSnapshot, 'x');
    await takeRuntimePlace(own, uid);
    expect(existsSync(before.envSnapshot)).toBe(true);
  });
});
