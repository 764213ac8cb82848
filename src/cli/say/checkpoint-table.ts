import type { CheckpointDocument } from '../../api/checkpoints/schemas.ts';
import { oneLine, table, type Output } from './output.ts';
import { countOf, sinceThen } from './words.ts';

/** The checkpoints, newest first; those of several agents one agent after the other. */
export function checkpointLines(output: Output, all: readonly CheckpointDocument[], everyone = false): string[] {
  const now = Date.now();
  const rows = all
    .toSorted((a, b) => (a.agent === b.agent ? b.n - a.n : a.agent < b.agent ? -1 : 1))
    .map(({ agent, n, at, files, task, reason, commit, pinned, warnings }) => [
      ...(everyone ? [agent] : []),
      `${n}${pinned ? ' pinned' : ''}`,
      sinceThen(at, now),
      String(files),
      task ?? '',
      commit.slice(0, 8),
      `${oneLine(reason, 70)}${warnings.length === 0 ? '' : ` (${countOf(warnings.length, 'warning')})`}`,
    ]);
  const header = [...(everyone ? ['AGENT'] : []), 'N', 'TAKEN', 'CHANGED', 'TASK', 'COMMIT', 'REASON'];
  return table(output, header, rows);
}
