import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { projectLayout, withStateDir, type ProjectLayout } from '../../../src/domain/layout.ts';
import { takeSupervisorLock } from '../../../src/store/lock.ts';
import { writeRecord } from '../../../src/store/place/project-record.ts';
import { belongingOf, claimRepository } from '../../../src/store/place/belonging.ts';
import { rootOfBare } from '../../../src/store/place/project-place.ts';
import { byUse, listStates, statesOf } from '../../../src/store/place/state-place.ts';
import { setAside, takeState } from '../../../src/store/place/take-state.ts';
import { listen, wrapperOf } from '../../support/signs-of-life.ts';

const test = base
  .extend('dir', async ({}, { onCleanup }) => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'swarm-state-'));
    onCleanup(() => rm(dir, { recursive: true, force: true }));
    return dir;
  })
  .extend('own', async ({ dir }) => {
    const env = { HOME: dir, XDG_RUNTIME_DIR: path.join(dir, 'run') };
    return projectLayout({
      gitCommonDir: path.join(dir, 'shop/.git'),
      root: path.join(dir, 'shop'),
      env,
      uid: 0,
      tmpdir: dir,
    });
  });

/** A state directory with a store, as it was left at a time (s). */
async function left(own: ProjectLayout, name: string, usedAt: number): Promise<ProjectLayout> {
  const layout = withStateDir(own, path.join(own.swarmStateDir, name));
  await mkdir(layout.stateDir, { recursive: true });
  await writeFile(layout.db, name);
  await utimes(layout.db, usedAt, usedAt);
  takeSupervisorLock(layout.lockDb)[Symbol.dispose]();
  return layout;
}

describe('which state directory counts', () => {
  test('is that of a living supervisor, else the one that was used last', () => {
    const one = { stateDir: '/s/one-h', lives: false, usedAt: 1 };
    const two = { stateDir: '/s/two-h', lives: false, usedAt: 2 };
    expect(byUse([one, two])).toEqual(['/s/two-h', '/s/one-h']);
    expect(byUse([{ ...one, lives: true }, two])).toEqual(['/s/one-h', '/s/two-h']);
    expect(byUse([{ ...two, usedAt: 1 }, one])).toEqual(byUse([one, { ...two, usedAt: 1 }]));
  });

  test('none where the project was never up, and none of another project', async ({ own }) => {
    expect(await statesOf(own.swarmStateDir, own.hash)).toEqual({ used: null, others: [] });
    await left(own, `shop-${own.hash.replace(/^./, 'x')}`, 5);
    expect(await statesOf(own.swarmStateDir, own.hash)).toEqual({ used: null, others: [] });
  });

  test('the newer of two, or the one whose lock is held', async ({ own }) => {
    const one = await left(own, `one-${own.hash}`, 1_000);
    const two = await left(own, `two-${own.hash}`, 2_000);
    expect(await statesOf(own.swarmStateDir, own.hash)).toEqual({ used: two.stateDir, others: [one.stateDir] });
    using _lock = takeSupervisorLock(one.lockDb);
    expect(await statesOf(own.swarmStateDir, own.hash)).toEqual({ used: one.stateDir, others: [two.stateDir] });
  });

  test('a list of them has names, of earlier versions too', async ({ own }) => {
    await left(own, own.hash, 1_000);
    await writeRecord(own, null);
    await left(own, 'my-shop-0123456789', 1_000);
    await left(own, 'abcdefabcd', 1_000);
    await mkdir(path.join(own.swarmStateDir, 'broker'));
    const names = listStates(own.swarmStateDir).map(({ hash, name }) => [hash, name]);
    expect(Object.fromEntries(names)).toEqual({
      [own.hash]: 'shop',
      '0123456789': 'my-shop',
      abcdefabcd: 'abcdefabcd',
    });
  });
});

describe('the state of an earlier version', () => {
  test('gets its present name while nothing of it lives', async ({ own }) => {
    const before = await left(own, `shop-${own.hash}`, 1_000);
    expect(await takeState(own)).toEqual(own);
    expect([existsSync(before.stateDir), existsSync(own.db)]).toEqual([false, true]);
    expect(await takeState(own)).toEqual(own);
  });

  test('is taken by one of several that come at once, and found by the others', async ({ own }) => {
    await left(own, `shop-${own.hash}`, 1_000);
    expect(await Promise.all([takeState(own), takeState(own), takeState(own)])).toEqual([own, own, own]);
    expect(listStates(own.swarmStateDir)).toHaveLength(1);
  });

  test('stays while a wrapper lives, or its tmux server or supervisor listens', async ({ own }) => {
    const before = await left(own, `shop-${own.hash}`, 1_000);
    await mkdir(own.runtimeDir, { recursive: true });
    for (const begin of [() => wrapperOf(own), () => listen(own.tmuxSocket), () => listen(own.apiSocket)]) {
      await using _alive = await begin();
      expect(await takeState(own)).toEqual(before);
    }
    expect(await takeState(own)).toEqual(own);
  });

  test('is waited for while its lock is held and nothing is to be seen of it yet', async ({ own }) => {
    const before = await left(own, `shop-${own.hash}`, 1_000);
    const lock = takeSupervisorLock(before.lockDb);
    const taken = takeState(own);
    expect(existsSync(own.stateDir)).toBe(false);
    lock[Symbol.dispose]();
    expect(await taken).toEqual(own);
  });

  test('stays where a supervisor holds it that cannot be reached', async ({ own }) => {
    const before = await left(own, `shop-${own.hash}`, 1_000);
    using _lock = takeSupervisorLock(before.lockDb);
    expect(await takeState(own)).toEqual(before);
  });

  test('stays where it is beside an older one of the present name, and both keep what they hold', async ({ own }) => {
    await left(own, own.hash, 1_000);
    const newer = await left(own, `shop-${own.hash}`, 2_000);
    expect(await takeState(own)).toEqual(newer);
    expect(await statesOf(own.swarmStateDir, own.hash)).toEqual({ used: newer.stateDir, others: [own.stateDir] });
  });
});

describe('the root of a bare repository', () => {
  const hash = '0123456789';
  const worktrees = ['/p/one', '/p/two', '/q/my one'];
  const root = (name: string, remembered: string | null): string =>
    rootOfBare(
      { root: '/p/two', stateDir: `/s/${name}`, hash },
      remembered === null ? null : { root: remembered },
      worktrees,
    );

  test('is the remembered one while it is there, else that of the caller', () => {
    expect(root(hash, '/p/one')).toBe('/p/one');
    expect(root(hash, '/p/gone')).toBe('/p/two');
    expect(root(hash, null)).toBe('/p/two');
  });

  test('is the one by which 0.1.0 called its state, unless two are called so', () => {
    expect(root(`one-${hash}`, null)).toBe('/p/one');
    expect(root(`my-one-${hash}`, null)).toBe('/q/my one');
    expect(root(`gone-${hash}`, null)).toBe('/p/two');
    worktrees.push('/q/one');
    expect(root(`one-${hash}`, null)).toBe('/p/two');
  });
});

describe('the state that is found by a path', () => {
  const at = (own: ProjectLayout, place: string): ProjectLayout =>
    projectLayout({
      gitCommonDir: path.join(place, '.git'),
      root: place,
      env: { HOME: path.dirname(path.dirname(own.root)), XDG_STATE_HOME: path.dirname(own.swarmStateDir) },
      uid: 0,
      tmpdir: '/tmp',
    });
  const begin = async (own: ProjectLayout): Promise<void> => {
    await mkdir(own.gitCommonDir, { recursive: true });
    await mkdir(own.stateDir, { recursive: true });
    await claimRepository(own);
  };

  test('is the repository’s own, and stays so however often a supervisor begins', async ({ own }) => {
    expect(belongingOf(own)).toEqual({ kind: 'own' });
    await begin(own);
    await claimRepository(own);
    expect(belongingOf(own)).toEqual({ kind: 'own' });
  });

  test('is none of a folder that was deleted and made anew, and is kept', async ({ own }) => {
    await begin(own);
    await rm(own.root, { recursive: true });
    await mkdir(own.gitCommonDir, { recursive: true });
    expect(belongingOf(own)).toEqual({ kind: 'foreign' });
    const kept = await setAside(own, new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)));
    expect(kept).toBe(`${own.stateDir}.kept-20260102T030405`);
    expect([existsSync(path.join(kept ?? '', 'project.json')), existsSync(own.stateDir)]).toEqual([true, false]);
    expect([belongingOf(own).kind, listStates(own.swarmStateDir)]).toEqual(['own', []]);
  });

  test('stays in its place while something of it lives', async ({ own }) => {
    await begin(own);
    await using _wrapper = await wrapperOf(own);
    expect(await setAside(own, new Date())).toBe(null);
    expect(existsSync(own.stateDir)).toBe(true);
  });

  test('is known by a folder that was renamed, and not taken by a copy', async ({ own }) => {
    await begin(own);
    const copy = at(own, `${own.root}-copy`);
    await cp(own.root, copy.root, { recursive: true });
    expect(belongingOf(copy)).toEqual({ kind: 'own' });
    await begin(copy);
    expect([belongingOf(copy), belongingOf(own)]).toEqual([{ kind: 'own' }, { kind: 'own' }]);
    const moved = at(own, `${own.root}-moved`);
    await rename(own.root, moved.root);
    const was = { kind: 'moved', stateDir: own.stateDir, hash: own.hash, was: own.gitCommonDir };
    expect(belongingOf(moved)).toEqual(was);
    // Another repository in the earlier place changes nothing.
    await mkdir(own.gitCommonDir, { recursive: true });
    expect(belongingOf(moved)).toEqual(was);
  });
});
