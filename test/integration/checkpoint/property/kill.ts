import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RolledBack } from '../../../../src/checkpoint/tree/types.ts';
import { clearStaleLocks } from '../../../../src/git/repository/stale-lock.ts';
import type { Place } from './operations.ts';
import type { Order } from './victim.ts';

/** More gits than either of the two starts: then it may end before it is killed. */
const GITS = { capture: 14, rollback: 44 };
const MOST_MICROSECONDS = 6_000;

/**
 * A capture or a rollback by a process of its own, killed at a random moment; half of the time its gits with it, as
 * when the machine dies. Resolves when none of them is left, with the outcome if it had ended before.
 */
export async function killAtRandom(
  { random, store, repository, worktree }: Place,
  victim: string,
  { limits, rollback }: Pick<Order, 'limits' | 'rollback'>,
): Promise<{ moment: string; through: RolledBack | null }> {
  const git = 1 + random.below(rollback === null ? GITS.capture : GITS.rollback);
  const order: Order = { place: store.place, limits, rollback, git, microseconds: random.below(MOST_MICROSECONDS) };
  const alone = random.chance(0.5);
  const child = spawn(process.execPath, [victim, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the process to be killed failed by itself: ${String(code)}`);
  await untilGone(repository.home, alone);
  // As the supervisor does once all processes of an agent are gone.
  const { gitCommonDir, agent } = store.place;
  const refs = [`swarm/checkpoints/${agent}`, 'heads', 'heads/swarm/task'];
  // None of their gits lives, so the lock counts as old.
  await utimes(path.join(gitCommonDir, 'reftable/tables.list.lock'), 1, 1).catch(() => undefined);
  await clearStaleLocks({ worktree, gitCommonDir, refs }, () => false);
  const how =
    signal === null ? 'through before' : `${order.microseconds} µs after git ${git}${alone ? '' : ', gits too'}`;
  return { moment: how, through: signal === null ? (JSON.parse(text) as RolledBack) : null };
}

async function untilGone(home: string, alone: boolean): Promise<void> {
  for (;;) {
    const left = processesIn(home);
    if (left.length === 0) return;
    if (!alone) for (const pid of left) killHard(pid);
    await delay(2);
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Processes that work below `home`, or got it as an argument. */
function processesIn(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && worksIn(pid, home));
}

function worksIn(pid: number, home: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/cwd`).startsWith(home)) return true;
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(home);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return false;
    throw error;
  }
}
