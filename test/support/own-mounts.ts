import { spawnSync } from 'node:child_process';

/** Root's own right, or that of every user where the system allows it. */
const WAYS = [
  ['unshare', '--mount'],
  ['unshare', '--map-root-user', '--mount'],
];
/** Mounted over a directory that each machine has; other processes do not see it. */
const TRIED = ['mount', '-t', 'tmpfs', 'tmpfs', '/tmp'];

/**
 * The words before a program with which it can mount file systems, for itself and its children; the mounts end with the
 * last of them. Null where neither root nor another user may do so.
 * @param inner words between these and the program, as `setpriv …`
 */
export function ownMounts(...inner: string[]): string[] | null {
  for (const way of WAYS) {
    const words = [...way, ...inner];
    const [program = '', ...rest] = words;
    if (spawnSync(program, [...rest, ...TRIED]).status === 0) return words;
  }
  return null;
}
