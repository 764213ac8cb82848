import { userInfo } from 'node:os';

/**
 * The number of the user that this process acts as. Unlike `userInfo().uid` it is there too where the number has no
 * name: in a container that was started as any user (`docker run --user 54321`, OpenShift).
 */
export function currentUid(): number {
  if (process.geteuid === undefined) throw new Error('this system has no numbers for users');
  return process.geteuid();
}

/** Null where the user has no entry in the list of users. */
export function currentUserName(): string | null {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as { info?: { code?: string } }).info?.code === 'ENOENT') return null;
    throw error;
  }
}
