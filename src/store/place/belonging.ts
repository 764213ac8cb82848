import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectHash, withRuntimeDir, withStateDir, type ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { formerPlaces } from './former-places.ts';
import { readRecord, writeRecord, type ProjectRecord } from './project-record.ts';
import { listKept, listStates } from './state-place.ts';

/**
 * Whether a state directory, which is found by the path of the repository, is that of this repository. Both hold the
 * same random id. A file in the git directory goes with a folder that is renamed, moved to another disk or restored; it
 * is not in one that was deleted and made anew. In a copy it names the state of the original.
 */
export type Belonging =
  | { kind: 'own' }
  /** Another repository was at this path when the state was made. */
  | { kind: 'foreign' }
  | ({ kind: 'moved' } & Moved);

/** The repository has no state at this path, and one of the path where it was. */
export interface Moved {
  stateDir: string;
  /** Of the path where it was; null: the state was put aside, and the hash is that of another repository now. */
  hash: string | null;
  /** Its git directory there. The present one: taking the state over was cut short at the very end. */
  was: string;
}

const markFile = (gitCommonDir: string): string => path.join(gitCommonDir, 'swarm.json');

export function belongingOf({ recordFile, db, gitCommonDir, swarmStateDir }: ProjectLayout): Belonging {
  const mark = readMark(gitCommonDir);
  const record = readRecord(recordFile);
  if (record !== null) return { kind: record.id === null || record.id === mark ? 'own' : 'foreign' };
  // A store without a record is of 0.1.0, which went by the path alone.
  if (existsSync(db)) return { kind: 'own' };
  const moved =
    (mark === null ? null : byId(swarmStateDir, gitCommonDir, mark)) ?? byPlace(swarmStateDir, gitCommonDir);
  return moved === null ? { kind: 'own' } : { kind: 'moved', ...moved };
}

function byId(swarmStateDir: string, gitCommonDir: string, mark: string): Moved | null {
  const kept = listKept(swarmStateDir).map((stateDir) => ({ stateDir, hash: null }));
  for (const { stateDir, hash } of [...listStates(swarmStateDir), ...kept]) {
    const other = recordOf(stateDir);
    if (other?.id !== mark) continue;
    const was = other.gitCommonDir;
    // With the original in its place this is a copy, a project of its own.
    if (was === gitCommonDir || readMark(was) !== mark) return { stateDir, hash, was };
  }
  return null;
}

/** A state of 0.1.0, which wrote no ids: the hash in its name proves whose it is. */
function byPlace(swarmStateDir: string, gitCommonDir: string): Moved | null {
  const places = formerPlaces(gitCommonDir, existsSync);
  if (places.length === 0) return null;
  const states = listStates(swarmStateDir);
  for (const was of places) {
    const state = states.find(({ hash, stateDir }) => hash === projectHash(was) && !hasId(recordOf(stateDir)));
    if (state !== undefined) return { stateDir: state.stateDir, hash: state.hash, was };
  }
  return null;
}

/**
 * The project under its earlier name, in whose places lies what still lives of it. A state that was put aside has no
 * processes: its sockets would be another project's. Pure.
 */
export function earlierLayout({ stateDir, hash }: Moved, layout: ProjectLayout): ProjectLayout {
  const earlier = withStateDir({ ...layout, hash: hash ?? layout.hash }, stateDir);
  return hash === null ? earlier : withRuntimeDir(earlier, path.join(path.dirname(layout.runtimeDir), hash));
}

const recordOf = (stateDir: string): ProjectRecord | null => readRecord(path.join(stateDir, 'project.json'));
const hasId = (record: ProjectRecord | null): boolean => (record?.id ?? null) !== null;

/** Writes down, in the state and in the repository, that they belong together. For the holder of the lock alone. */
export async function claimRepository(layout: ProjectLayout): Promise<void> {
  const { gitCommonDir, recordFile } = layout;
  const id = readRecord(recordFile)?.id ?? randomUUID();
  await markRepository(gitCommonDir, id);
  await writeRecord(layout, id);
}

/**
 * Gives a state that has no id the one of the repository that was at `was`, so that it is found by it from now on,
 * whatever becomes of the worktrees. For the holder of its lock alone.
 */
export async function identifyMoved(
  { stateDir, was }: Moved,
  gitCommonDir: string,
  earlier: Omit<ProjectRecord, 'id' | 'gitCommonDir'>,
): Promise<void> {
  if (hasId(recordOf(stateDir))) return;
  const id = readMark(gitCommonDir) ?? randomUUID();
  await markRepository(gitCommonDir, id);
  await writeRecord({ ...earlier, gitCommonDir: was, recordFile: path.join(stateDir, 'project.json') }, id);
}

/** The repository first: a record with an id whose repository has none counts as foreign. */
async function markRepository(gitCommonDir: string, id: string): Promise<void> {
  if (readMark(gitCommonDir) !== id) await writeFileAtomic(markFile(gitCommonDir), JSON.stringify({ project: id }));
}

function readMark(gitCommonDir: string): string | null {
  try {
    const { project } = JSON.parse(readFileSync(markFile(gitCommonDir), 'utf8')) as { project?: unknown };
    return typeof project === 'string' ? project : null;
  } catch {
    // None yet, or not one of swarm's.
    return null;
  }
}
