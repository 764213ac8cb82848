import { renameSync, rmSync } from 'node:fs';
import { SwarmError } from '../domain/errors.ts';
import type { Database } from './database.ts';
import { privateFile } from './files.ts';

export type Migration = (db: Database) => void;

/** A check of every page takes about 1 ms per MB: worth it at a start while the store has its usual size. */
const CHECKED_PAGES = 8_192;

export function versionOf(db: Database): number {
  return db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
}

/** Throws SwarmError `store-newer`, before any write, when a newer program has migrated this store. */
export function refuseNewer(db: Database, file: string, known: number): void {
  const found = versionOf(db);
  if (found <= known) return;
  throw new SwarmError(
    'store-newer',
    `${file} was written by a newer swarm (its format is ${found}, this program knows ${known}).`,
    {
      hint: 'Use the newer swarm.',
    },
  );
}

/** Throws SwarmError `store-corrupt` when a page of a store of usual size is damaged. */
export function refuseDamaged(db: Database, file: string): void {
  const pages = db.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
  if (pages > CHECKED_PAGES) return;
  const verdict = db.get<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check;
  if (verdict === 'ok') return;
  throw new SwarmError('store-corrupt', `${file} is damaged: ${(verdict ?? 'no answer').replaceAll('\n', ' ')}`, {
    hint: 'Move it away (a copy from before the last migration may lie beside it) and start again; code and checkpoints are in git and not affected.',
  });
}

/** Path of the copy of a store of format `version`. */
export function copyPath(file: string, version: number): string {
  return `${file}.format-${version}`;
}

/** Migrates the store. Each step is one transaction with its version number; a store with content is copied first. */
export function migrate(db: Database, file: string, steps: readonly Migration[]): void {
  const from = versionOf(db);
  if (from === steps.length) return;
  if (from > 0) copy(db, file, from);
  for (let version = from; version < steps.length; version += 1) {
    db.exec('BEGIN IMMEDIATE');
    try {
      steps[version]?.(db);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/**
 * Copies the store, by SQLite itself: that includes the WAL, and opening the file beside SQLite would drop this
 * process's locks on it.
 */
function copy(db: Database, file: string, version: number): void {
  const target = copyPath(file, version);
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  privateFile(partial);
  db.run('VACUUM INTO ?', partial);
  renameSync(partial, target);
}
