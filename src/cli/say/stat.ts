import type { FileChange } from '../../api/checkpoints/schemas.ts';
import { table, type Output } from './output.ts';

const MOST_FILES = 50;

/** The changed files, with the number of changed lines. */
export function statLines(output: Output, changed: readonly FileChange[]): string[] {
  if (changed.length === 0) return [];
  const rows = changed
    .slice(0, MOST_FILES)
    .map(({ path, added, removed }) => [`+${added ?? '?'}`, `-${removed ?? '?'}`, path]);
  const more = changed.length - MOST_FILES;
  return [...table(output, ['ADDED', 'REMOVED', 'FILE'], rows), ...(more > 0 ? [`… and ${more} more`] : [])];
}
