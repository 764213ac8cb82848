import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { journalPath } from '../../../src/checkpoint/restore/journal.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { gitFacts, walk } from './walk.ts';
import { makeWorld } from './world.ts';

/** More moments and more worlds are tried in property.test.ts; here it is with many files. */
const isLong = process.env['SWARM_TEST_LONG'] === '1';
const DELAYS_MS = isLong ? [0, 8, 16, 32, 64] : [8, 48];
const CHILD = path.join(import.meta.dirname, 'child.ts');

/** Number of processes whose environment names this worktree: left by a killed process. */
function orphansOf(worktree: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, 'latin1').includes(worktree) ||
        readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(worktree)
      );
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return false;
      throw error;
    }
  }).length;
}

describe('A rollback that is killed', () => {
  it('is all or nothing after recover, at whatever moment the kill comes', async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`d${n % 10}/f${n}.txt`, `first ${n}\n`]));
    using world = await makeWorld({ files: many });
    const target = await world.store.capture({ reason: 'target' });
    const targetFiles = walk(world.worktree);
    const targetFacts = gitFacts(world.repository, world.worktree);
    const outcomes = new Set<string>();
    for (const [round, afterMs] of DELAYS_MS.entries()) {
      for (let n = 0; n < 300; n += 2) unlinkSync(path.join(world.worktree, `d${n % 10}/f${n}.txt`));
      world.write(
        Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`new${round}/x${n}.txt`, `round ${round}\n`])),
      );
      world.git('add', '-A');
      world.git('commit', '-qm', `round ${round}`);
      const before = walk(world.worktree);
      const child = spawn(process.execPath, [CHILD, 'rollback', String(target.n), JSON.stringify(world.store.place)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      const ended = once(child, 'exit');
      // From the moment that the journal exists, the worktree changes; the delay after it varies.
      await expect.poll(() => existsSync(journalPath(world.store.place)), { interval: 1 }).toBe(true);
      await delay(afterMs);
      child.kill('SIGKILL');
      await ended;
      await expect.poll(() => orphansOf(world.worktree)).toBe(0);
      const recovered = await new CheckpointStore(world.store.place).recover();
      outcomes.add(recovered?.outcome ?? 'none');
      const now = walk(world.worktree);
      if (recovered?.outcome !== 'finished' && JSON.stringify(now) !== JSON.stringify(targetFiles))
        expect(now).toEqual(before);
      else {
        expect(now).toEqual(targetFiles);
        expect(gitFacts(world.repository, world.worktree)).toEqual(targetFacts);
      }
      expect(world.repository.tryGit(['add', '-A'], world.worktree).code, 'no lock is left').toBe(0);
      await new CheckpointStore(world.store.place).rollback(target.n);
      expect(walk(world.worktree)).toEqual(targetFiles);
    }
    expect(outcomes).toContain('finished');
    expect(world.repository.tryGit(['fsck', '--connectivity-only']).code).toBe(0);
  });
});

describe('A capture that is killed', () => {
  const rounds = isLong ? 100 : 5;

  it(`leaves checkpoints, index and worktree whole, at ${rounds} random moments`, async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`d${n % 10}/f${n}.txt`, `first ${n}\n`]));
    using world = await makeWorld({ files: many });
    await world.store.capture({ reason: 'first' });
    for (let round = 0; round < rounds; round += 1) {
      world.write(
        Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d${n % 10}/f${n}.txt`, `${round} ${n}\n`])),
      );
      if (round % 2 === 0) world.git('add', '-A');
      const files = walk(world.worktree);
      const facts = gitFacts(world.repository, world.worktree);
      const afterMs = Math.random() * 150;
      const child = spawn(process.execPath, [CHILD, 'capture', JSON.stringify(world.store.place)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      await delay(afterMs);
      child.kill('SIGKILL');
      await ended;
      await expect.poll(() => orphansOf(world.worktree)).toBe(0);
      expect(walk(world.worktree), `killed after ${afterMs} ms`).toEqual(files);
      expect(gitFacts(world.repository, world.worktree)).toEqual(facts);
      const { commit, tree } = await new CheckpointStore(world.store.place).capture({ reason: 'after the kill' });
      expect(world.repository.tryGit(['rev-list', '--objects', '--quiet', commit]).code).toBe(0);
      expect(world.git('ls-tree', '-r', '--name-only', tree).split('\n')).toHaveLength(300);
    }
    expect(world.repository.tryGit(['fsck', '--connectivity-only']).code).toBe(0);
    expect(readdirSync(world.store.place.shadowGit).filter((name) => name.includes('.work-'))).toEqual([]);
  });
});

describe('A file that cannot be read', () => {
  it('is named, and everything else is captured', async () => {
    using world = await makeWorld();
    world.write({ 'closed.txt': 'c\n', 'beside.txt': 'b\n' });
    chmodSync(path.join(world.worktree, 'closed.txt'), 0o000);
    // Root reads everything, so the capture runs as an unprivileged user.
    const asNobody = process.getuid?.() === 0;
    if (asNobody) {
      rmSync(path.join(world.repository.home, 'state'), { recursive: true, force: true });
      execFileSync('chown', ['-R', '65534:65534', world.repository.home]);
    }
    const output = execFileSync(process.execPath, [CHILD, 'capture', JSON.stringify(world.store.place)], {
      encoding: 'utf8',
      cwd: world.repository.home,
      env: { ...process.env, HOME: world.repository.home },
      ...(asNobody ? { uid: 65534, gid: 65534 } : {}),
    });
    const captured = JSON.parse(output.split('\n')[1] ?? '') as { commit: string; warnings: string[] };
    expect(captured.warnings).toEqual(['left out, it cannot be read: closed.txt']);
    if (asNobody) execFileSync('chown', ['-R', '0:0', world.repository.home]);
    expect(world.git('ls-tree', '--name-only', captured.commit).split('\n')).toEqual(['beside.txt', 'readme.txt']);
  });
});
