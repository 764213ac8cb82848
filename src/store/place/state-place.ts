import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { withStateDir, type ProjectLayout } from '../../domain/layout.ts';
import { readRecord } from './project-record.ts';

/** `HASH`, or `NAME-HASH` as 0.1.0 called it. */
const STATE_NAME = /^(?:(.+)-)?([0-9a-f]{10})$/;
/** What is written while a project is used; the last is that of a project that was purged. */
const SIGNS_OF_USE = ['swarm.db', 'swarm.db-wal', 'project.json'];

/** A state directory, whether it is its project's only one or not. */
export interface StateDirectory {
  stateDir: string;
  hash: string;
  /** For show. */
  name: string;
}

/** The state directories of all projects of this user. */
export function listStates(swarmStateDir: string): StateDirectory[] {
  return namesIn(swarmStateDir).flatMap((entry) => {
    const [, name, hash] = STATE_NAME.exec(entry) ?? [];
    if (hash === undefined) return [];
    const stateDir = path.join(swarmStateDir, entry);
    return [{ stateDir, hash, name: readRecord(path.join(stateDir, 'project.json'))?.name ?? name ?? hash }];
  });
}

/** A state that was put aside when another repository came up at the path of its own. */
const KEPT_NAME = /^([0-9a-f]{10})\.kept-/;

/** The state directories of repositories that were found gone from their paths. */
export function listKept(swarmStateDir: string): string[] {
  return namesIn(swarmStateDir)
    .filter((entry) => KEPT_NAME.test(entry))
    .map((entry) => path.join(swarmStateDir, entry));
}

export interface States {
  /** Null: the project has none yet. */
  used: string | null;
  /** Further ones of the same repository, which nothing reads or changes: 0.1.0 had one for each name of a folder. */
  others: string[];
}

/** The state directories of one project: that of a living supervisor counts, else the one that was used last. */
export async function statesOf(swarmStateDir: string, hash: string): Promise<States> {
  const all = namesIn(swarmStateDir)
    .filter((entry) => entry === hash || entry.endsWith(`-${hash}`))
    .map((entry) => path.join(swarmStateDir, entry));
  const [only, second] = all;
  if (only === undefined || second === undefined) return { used: only ?? null, others: [] };
  // SQLite is loaded only where there is a choice.
  const { isSupervisorLocked } = await import('../lock.ts');
  const [used = null, ...others] = byUse(
    all.map((stateDir) => ({
      stateDir,
      lives: isSupervisorLocked(path.join(stateDir, 'lock.db')),
      usedAt: lastUse(stateDir),
    })),
  );
  return { used, others };
}

/** The directory that counts comes first. Pure. */
export function byUse(all: readonly { stateDir: string; lives: boolean; usedAt: number }[]): string[] {
  return all
    .toSorted(
      (a, b) => Number(b.lives) - Number(a.lives) || b.usedAt - a.usedAt || a.stateDir.localeCompare(b.stateDir),
    )
    .map(({ stateDir }) => stateDir);
}

/** The layout with the state directory in use. */
export async function withStateInUse(layout: ProjectLayout): Promise<ProjectLayout> {
  const { used } = await statesOf(layout.swarmStateDir, layout.hash);
  return used === null ? layout : withStateDir(layout, used);
}

/** When something was last written there, ms since 1970; 0: never. */
export function lastUse(stateDir: string): number {
  const times = SIGNS_OF_USE.map((name) => statSync(path.join(stateDir, name), { throwIfNoEntry: false })?.mtimeMs);
  return Math.max(0, ...times.filter((time) => time !== undefined));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
