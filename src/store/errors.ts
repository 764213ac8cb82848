import { SwarmError } from '../domain/errors.ts';

/** Primary result codes of SQLite that a person can act on. https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** SQLite's primary result code of an error thrown by node:sqlite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/**
 * An error that names the fault, the file and the cure. An error that is not SQLite's, or comes from a mistake in
 * swarm's own SQL, is returned unchanged. All of these leave the store as it was, so a repeated call is safe.
 */
export function storeError(error: unknown, file: string): unknown {
  const say = (code: string, message: string, hint: string): SwarmError =>
    new SwarmError(code, message, { hint, cause: error, retrySafe: true });
  switch (sqliteCode(error)) {
    case FULL:
      return say(
        'disk-full',
        `The disk with ${file} is full; nothing was written.`,
        'Free some space, then do it again.',
      );
    case READONLY:
      return say(
        'store-read-only',
        `${file} cannot be written.`,
        'Make the file and its directory writable, then do it again.',
      );
    case IOERR:
      return say(
        'store-io',
        `The disk refused to read or write ${file}.`,
        'Look at the free space, the quota and the kernel log of that disk.',
      );
    case CANTOPEN:
      return say(
        'store-unreachable',
        `${file} cannot be opened.`,
        'Check that its directory exists and belongs to you.',
      );
    case BUSY:
    case LOCKED:
      return say(
        'store-busy',
        `Another program holds ${file} locked.`,
        'Close whatever has it open (a database browser?), then do it again.',
      );
    case CORRUPT:
    case NOTADB:
      return say(
        'store-corrupt',
        `${file} is damaged or is not a store of swarm.`,
        'Move it away (a copy from before the last migration may lie beside it) and start again; code and checkpoints are in git and not affected.',
      );
    default:
      return error;
  }
}
