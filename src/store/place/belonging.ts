import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { readRecord, writeRecord } from './project-record.ts';
import { listStates } from './state-place.ts';

/**
 * Whether a state directory, which is found by the path of the repository, is that of this repository. Both hold the
 * same random id. A file in the git directory goes with a folder that is renamed, moved to another disk or restored; it
 * is not in one that was deleted and made anew. In a copy it names the state of the original.
 */
export type Belonging =
  | { kind: 'own' }
  /** Another repository was at this path when the state was made. */
  | { kind: 'foreign' }
  /** The repository has no state at this path, and one of the path where it was: `was`, its git directory. */
  | { kind: 'moved'; stateDir: string; was: string };

const markFile = (gitCommonDir: string): string => path.join(gitCommonDir, 'swarm.json');

export function belongingOf({ recordFile, db, gitCommonDir, swarmStateDir }: ProjectLayout): Belonging {
  const mark = readMark(gitCommonDir);
  const record = readRecord(recordFile);
  if (record !== null) return { kind: record.id === null || record.id === mark ? 'own' : 'foreign' };
  // A store without a record is of 0.1.0, which went by the path alone.
  if (mark === null || existsSync(db)) return { kind: 'own' };
  for (const { stateDir } of listStates(swarmStateDir)) {
    const other = readRecord(path.join(stateDir, 'project.json'));
    if (other?.id !== mark) continue;
    // With the original in its place this is a copy, a project of its own.
    if (readMark(other.gitCommonDir) !== mark) return { kind: 'moved', stateDir, was: other.gitCommonDir };
  }
  return { kind: 'own' };
}

/** Writes down, in the state and in the repository, that they belong together. For the holder of the lock alone. */
export async function claimRepository(layout: ProjectLayout): Promise<void> {
  const { gitCommonDir, recordFile } = layout;
  const id = readRecord(recordFile)?.id ?? randomUUID();
  // The repository first: a record with an id whose repository has none counts as foreign.
  if (readMark(gitCommonDir) !== id) await writeFileAtomic(markFile(gitCommonDir), JSON.stringify({ project: id }));
  await writeRecord(layout, id);
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
