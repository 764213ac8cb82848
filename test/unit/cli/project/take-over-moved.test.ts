import fs, { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cp, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { moveState } from '../../../../src/cli/project/move-state.ts';
import { takeOverMoved } from '../../../../src/cli/project/take-over-moved.ts';
import { projectLayout, withStateDir, type ProjectLayout } from '../../../../src/domain/layout.ts';
import { takeSupervisorLock } from '../../../../src/store/lock.ts';
import { belongingOf, claimRepository } from '../../../../src/store/place/belonging.ts';
import { layoutInUse } from '../../../../src/store/place/project-place.ts';
import { setAside } from '../../../../src/store/place/take-state.ts';
import { claimPorts } from '../../../../src/worktree/port-blocks.ts';
import { wrapperOf } from '../../../support/signs-of-life.ts';

const test = base.extend('dir', async ({}, { onCleanup }) => {
  const dir = await realpath(await mkdtemp(path.join(os.tmpdir(), 'swarm-moved-')));
  onCleanup(() => rm(dir, { recursive: true, force: true }));
  return dir;
});

const placeOf = (dir: string, name: string) => ({
  gitCommonDir: path.join(dir, name, '.git'),
  root: path.join(dir, name),
  env: { HOME: dir, XDG_RUNTIME_DIR: path.join(dir, 'run') },
  uid: 0,
  tmpdir: dir,
});
const at = (dir: string, name: string): ProjectLayout => projectLayout(placeOf(dir, name));
const inUse = (dir: string, name: string): Promise<ProjectLayout> =>
  layoutInUse({ ...placeOf(dir, name), bare: false });

/** The files of a repository with an agent's worktree, as git links them. */
async function linked({ gitCommonDir, root }: ProjectLayout, worktree = `${root}.swarm/worker-1`): Promise<void> {
  const gitDir = path.join(gitCommonDir, 'worktrees', 'worker-1');
  await mkdir(gitDir, { recursive: true });
  await mkdir(worktree, { recursive: true });
  await writeFile(path.join(gitDir, 'gitdir'), `${worktree}/.git\n`);
  await writeFile(path.join(worktree, '.git'), `gitdir: ${gitDir}\n`);
}

/** A project that was up and is down. @param version the one that left it */
async function left(dir: string, version: '0.1.0' | 'present'): Promise<ProjectLayout> {
  const own = at(dir, 'shop');
  const layout = version === 'present' ? own : withStateDir(own, path.join(own.swarmStateDir, `shop-${own.hash}`));
  await linked(layout);
  await mkdir(path.join(layout.shadowGit, 'info'), { recursive: true });
  await symlink(path.join(layout.gitCommonDir, 'info/exclude'), path.join(layout.shadowGit, 'info/exclude'));
  await writeFile(layout.db, 'tasks');
  takeSupervisorLock(layout.lockDb)[Symbol.dispose]();
  await mkdir(path.dirname(layout.purgedFile));
  await writeFile(layout.purgedFile, 'purged');
  await claimPorts({
    directory: layout.portsDir,
    project: layout.hash,
    agent: 'worker-1',
    root: layout.root,
    base: 20_000,
    size: 20,
  });
  if (version === 'present') await claimRepository(layout);
  return layout;
}

/** All that a folder holds: content and links by name. */
function all(directory: string): Record<string, string> {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = path.join(directory, name);
    const there = lstatSync(file);
    if (there.isDirectory()) return [];
    return [[name, there.isSymbolicLink() ? readlinkSync(file) : readFileSync(file, 'latin1')]];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

/** Has the n-th rename, with which each change ends, and all after it fail, as for a process that is gone. */
function killedAt(n: number): Disposable {
  const { rename: later } = fs.promises;
  const { renameSync: now } = fs;
  let count = 0;
  const refuse = (): void => {
    count += 1;
    if (count >= n) throw new Error('killed');
  };
  fs.promises.rename = async (...args) => {
    refuse();
    await later(...args);
  };
  fs.renameSync = (...args) => {
    refuse();
    now(...args);
  };
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      fs.promises.rename = later;
      fs.renameSync = now;
      syncBuiltinESMExports();
    },
  };
}

const worktreeLinks = (dir: string, name: string, worktrees: string): string[] => [
  readFileSync(path.join(dir, name, '.git/worktrees/worker-1/gitdir'), 'utf8').trim(),
  readFileSync(path.join(dir, worktrees, 'worker-1/.git'), 'utf8').trim(),
];

describe('a repository whose folder was renamed', () => {
  for (const version of ['present', '0.1.0'] as const) {
    for (const along of [false, true]) {
      const worktrees = along ? 'store.swarm' : 'shop.swarm';
      const title = `${version === 'present' ? 'of this version' : 'of 0.1.0'}, its worktrees ${along ? 'with it' : 'left behind'}`;
      test(`${title}: is taken over, also after a kill at any step`, async ({ dir }) => {
        const shop = await left(dir, version);
        await rename(shop.root, path.join(dir, 'store'));
        if (along) await rename(`${shop.root}.swarm`, path.join(dir, 'store.swarm'));
        const store = at(dir, 'store');
        let kills = 0;
        for (; kills < 50; kills += 1) {
          const found = belongingOf(store);
          if (found.kind !== 'moved') break;
          using _killed = killedAt(kills + 1);
          await moveState(found, store).catch((error: Error) => expect(error.message).toBe('killed'));
        }
        expect(kills).toBeGreaterThan(4);
        expect(kills).toBeLessThan(20);
        expect(belongingOf(store)).toEqual({ kind: 'own' });
        expect(await takeOverMoved(store)).toBe(null);
        expect(await inUse(dir, 'store')).toMatchObject({
          stateDir: store.stateDir,
          worktreesDir: path.join(dir, worktrees),
        });
        expect(all(store.stateDir)).toMatchObject({
          'swarm.db': 'tasks',
          'shadow.git/info/exclude': path.join(store.gitCommonDir, 'info/exclude'),
        });
        expect(worktreeLinks(dir, 'store', worktrees)).toEqual([
          path.join(dir, worktrees, 'worker-1/.git'),
          `gitdir: ${path.join(store.gitCommonDir, 'worktrees/worker-1')}`,
        ]);
        expect(readFileSync(store.purgedFile, 'utf8')).toBe('purged');
        expect(JSON.parse(readFileSync(path.join(store.portsDir, '20000'), 'utf8'))).toMatchObject({
          project: store.hash,
          root: store.root,
        });
        expect(readdirSync(store.swarmStateDir).toSorted()).toEqual(['ports', 'purged', store.hash].toSorted());
      });
    }
  }

  test('says where it was, and where the worktrees are', async ({ dir }) => {
    const shop = await left(dir, 'present');
    await rename(shop.root, path.join(dir, 'store'));
    const { note, layout } = (await takeOverMoved(at(dir, 'store'))) ?? {};
    expect(note).toBe(
      `this repository was ${shop.root}: its tasks and checkpoints go on here. The worktrees of its agents are in ${shop.root}.swarm.`,
    );
    expect(layout?.worktreesDir).toBe(`${shop.root}.swarm`);
  });

  test('is found again under its first name, and in another folder with all that was beside it', async ({ dir }) => {
    const shop = await left(dir, 'present');
    await rename(shop.root, path.join(dir, 'store'));
    await takeOverMoved(at(dir, 'store'));
    await rename(path.join(dir, 'store'), shop.root);
    await takeOverMoved(shop);
    expect(worktreeLinks(dir, 'shop', 'shop.swarm')[1]).toBe(`gitdir: ${shop.gitCommonDir}/worktrees/worker-1`);
    await mkdir(path.join(dir, 'new'));
    for (const name of ['shop', 'shop.swarm']) await rename(path.join(dir, name), path.join(dir, 'new', name));
    await takeOverMoved(at(dir, 'new/shop'));
    expect((await inUse(dir, 'new/shop')).worktreesDir).toBe(path.join(dir, 'new/shop.swarm'));
    expect(all(at(dir, 'new/shop').stateDir)['swarm.db']).toBe('tasks');
  });

  test('is refused while something of it lives, and nothing is changed', async ({ dir }) => {
    const shop = await left(dir, 'present');
    await rename(shop.root, path.join(dir, 'store'));
    const before = all(dir);
    await using _wrapper = await wrapperOf(shop);
    const refused = await takeOverMoved(at(dir, 'store')).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'moved',
      hint: expect.stringContaining('give the folder that name') as string,
    });
    expect(all(dir)).toEqual(before);
  });

  test('is refused where another state lies in the way, which is kept', async ({ dir }) => {
    const shop = await left(dir, 'present');
    await rename(shop.root, path.join(dir, 'store'));
    const store = at(dir, 'store');
    await mkdir(store.logsDir, { recursive: true });
    const refused = await takeOverMoved(store).catch((error: unknown) => error);
    expect(refused).toMatchObject({ hint: expect.stringContaining(store.stateDir) as string });
    expect([existsSync(shop.db), existsSync(store.logsDir)]).toEqual([true, true]);
  });

  test('gets its tasks from where another repository, made at its earlier place, has put them', async ({ dir }) => {
    const shop = await left(dir, 'present');
    await rename(shop.root, path.join(dir, 'store'));
    await mkdir(shop.gitCommonDir, { recursive: true });
    await setAside(shop, new Date(0));
    await mkdir(shop.stateDir);
    await claimRepository(shop);
    // Its agent has a worktree of its own where that of the other was.
    await linked(shop);
    const own = worktreeLinks(dir, 'shop', 'shop.swarm');
    await using _wrapper = await wrapperOf(shop);
    await takeOverMoved(at(dir, 'store'));
    expect(all(at(dir, 'store').stateDir)['swarm.db']).toBe('tasks');
    expect(worktreeLinks(dir, 'shop', 'shop.swarm')).toEqual(own);
    expect((await inUse(dir, 'store')).worktreesDir).toBe(path.join(dir, 'store.swarm'));
    expect(belongingOf(shop)).toEqual({ kind: 'own' });
  });

  test('is not taken over by a copy', async ({ dir }) => {
    for (const version of ['0.1.0', 'present'] as const) {
      const place = path.join(dir, version);
      const shop = await left(place, version);
      await cp(shop.root, path.join(place, 'store'), { recursive: true });
      expect(await takeOverMoved(at(place, 'store'))).toBe(null);
      expect(worktreeLinks(place, 'shop', 'shop.swarm')[1]).toContain(`${shop.root}/`);
    }
  });
});
