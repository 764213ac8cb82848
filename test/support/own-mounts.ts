import { spawnSync } from 'node:child_process';

/** Root's own right, or that of every user where the system allows it. */
const WAYS = [
  ['unshare', '--mount'],
  ['unshare', '--map-root-user', '--mount'],
];
/** Over something that is there on each machine; nobody else sees it. */
const TRIED = ['mount', '-t', 'tmpfs', 'tmpfs', '/tmp'];

/**
 * The words before a program that let it mount file systems, for itself and what it starts; those go with the last of
 * them. Null where neither root nor anybody else may have that.
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
