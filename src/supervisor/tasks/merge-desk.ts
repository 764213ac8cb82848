import path from 'node:path';
import type { ProjectLayout } from '../../domain/layout.ts';
import { gitText } from '../../git/git.ts';
import { mergeTask } from '../../git/merge/merge-task.ts';
import { taskDiff } from '../../git/task/task-diff.ts';
import type { TaskDeskDeps } from './task-desk.ts';

type MergeDesk = Pick<TaskDeskDeps, 'mergeBase' | 'diff' | 'merge'>;

/** Compares and merges results in the repository of this project. */
export function mergeDesk(
  { root, stateDir }: ProjectLayout,
  onMoved: (branch: string, commit: string) => void,
): MergeDesk {
  return {
    mergeBase: (a, b) => gitText(['merge-base', a, b], { cwd: root }),
    diff: async (base, commit) => {
      const { text, files } = await taskDiff({ root, base, commit });
      const stat = files
        .map(({ path: file, added, removed }) => `${file} | +${added ?? '?'} -${removed ?? '?'}`)
        .join('\n');
      return { stat, patch: text };
    },
    merge: async ({ into, commit, message }) => {
      const merged = await mergeTask({ root, into, commit, message, scratchDir: path.join(stateDir, 'scratch') });
      if (merged.merged) onMoved(into, merged.commit);
      const { before, commit: after, notes } = merged;
      return { into, before, after, merged: merged.merged, notes };
    },
  };
}
