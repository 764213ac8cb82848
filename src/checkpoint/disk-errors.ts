import { SwarmError } from '../domain/errors.ts';

/** Errors of the file system that a person can mend, by Node's code, with the code and text of git's own. */
const KNOWN: Readonly<Record<string, readonly [code: string, says: string, hint: string]>> = {
  ENOSPC: ['disk-full', 'there is no space left', 'Free some disk space and try again.'],
  EDQUOT: ['disk-full', 'the disk quota is used up', 'Free some disk space and try again.'],
  EROFS: ['read-only', 'the file system is read-only', 'Make it writable and try again.'],
  EACCES: ['permission-denied', 'permission is denied', 'Check the owner and the permissions, then try again.'],
  EPERM: ['permission-denied', 'permission is denied', 'Check the owner and the permissions, then try again.'],
};

/** Runs `work`; an error for want of space or of rights becomes a `SwarmError` that names the file. */
export async function withDiskErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = '', path: file, dest } = error as NodeJS.ErrnoException & { dest?: string };
    const known = KNOWN[code];
    if (error instanceof SwarmError || known === undefined) throw error;
    const [name, says, hint] = known;
    const place = dest ?? file;
    throw new SwarmError(name, place === undefined ? says : `${says}: ${place}`, { hint, cause: error });
  }
}
