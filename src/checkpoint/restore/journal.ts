import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import type { CheckpointPlace } from '../tree/types.ts';

/** A rollback that has begun. The journal lies beside the shadow index until every file is in place. */
export interface RollbackJournal {
  n: number;
  safety: number;
  at: string;
}

export function journalPath(place: Pick<CheckpointPlace, 'shadowGit' | 'agent'>): string {
  return path.join(place.shadowGit, `${place.agent}.rollback.json`);
}

/** Writes the journal. Errors: `rollback-under-way`. */
export async function beginJournal(place: CheckpointPlace, journal: RollbackJournal): Promise<void> {
  const file = await open(journalPath(place), 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw rollbackUnderWay(place.agent, error);
  });
  try {
    await file.writeFile(JSON.stringify(journal));
    await file.sync();
  } catch (error) {
    // The disk is full: nothing was changed, and half a journal would stand in the way of the next one.
    await endJournal(place);
    throw error;
  } finally {
    await file.close();
  }
}

export function rollbackUnderWay(agent: string, cause?: unknown): SwarmError {
  return new SwarmError('rollback-under-way', `a rollback of ${agent} has begun and not ended`, {
    hint: `Restart the agent: an interrupted rollback is finished first. Or wait for the one that runs.`,
    cause,
  });
}

/** Reads the journal; null when there is none. A file cut short by a kill counts as none: nothing was changed yet. */
export async function readJournal(
  place: Pick<CheckpointPlace, 'shadowGit' | 'agent'>,
): Promise<RollbackJournal | 'unbegun' | null> {
  let text: string;
  try {
    text = await readFile(journalPath(place), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const found = /^\{"n":(\d+),"safety":(\d+),"at":"([^"]*)"\}$/.exec(text);
  if (found === null) return 'unbegun';
  return { n: Number(found[1]), safety: Number(found[2]), at: found[3] ?? '' };
}

export async function endJournal(place: CheckpointPlace): Promise<void> {
  await rm(journalPath(place), { force: true });
}
