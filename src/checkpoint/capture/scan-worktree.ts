import type { CaptureContext, Seen } from './capture-types.ts';
import { readBegunTask } from '../../git/worktree/worktree-task.ts';
import { indexSignature, readOperationFiles } from '../tree/git-state.ts';
import { isNotText, readHeadFast } from '../tree/head.ts';
import { rulesSignature } from '../tree/ignore-rules.ts';
import type { Shadow } from '../tree/observe.ts';
import { scan } from './scan.ts';
import type { WorkIndex } from '../tree/shadow-index.ts';

const CLOCK_LAG_MS = 50;

export async function scanWorktree(
  context: CaptureContext,
  work: WorkIndex,
  signal: AbortSignal | undefined,
): Promise<Seen> {
  const { place, gitDir, config, limits } = context;
  const shadow: Shadow = { place, index: work.path, config, signal };
  const began = Date.now() - CLOCK_LAG_MS;
  const before = await readBegunTask(gitDir);
  const known = context.remembered?.rules.directories;
  const rules = known === undefined ? null : await rulesSignature(place, gitDir, config, known, began);
  const { listing, listingBytes, touched, leftOut, nestedStirred, changes, warnings } = await scan(shadow, limits);
  const [head, after, signature, operations, rewritten] = await Promise.all([
    readHeadFast(place.worktree, gitDir, place.gitCommonDir),
    readBegunTask(gitDir),
    indexSignature(gitDir),
    readOperationFiles(place.worktree, gitDir),
    work.touched(),
  ]);
  if (head.branch !== null && isNotText(head.branch))
    warnings.push(`a rollback detaches HEAD, the name of the branch is not UTF-8: ${head.branch}`);
  return {
    shadow,
    work,
    began,
    rewritten,
    tree: null,
    touched,
    leftOut,
    nestedStirred,
    changes,
    rules,
    listingBytes,
    listing,
    head,
    // A worktree that was prepared for a task meanwhile may still have been seen with files of the task before.
    begunTask: after?.task === before?.task ? (after?.task ?? null) : null,
    signature,
    operations,
    warnings,
  };
}
