import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { CheckpointStore } from '../../checkpoint/store.ts';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { discardCaptured, keepCommits } from '../../git/worktree/discard.ts';
import { unsavedWork, type Finding, type UnsavedWork } from '../../git/worktree/unsaved-work.ts';
import { removeWorktree } from '../../git/worktree/worktrees.ts';
import { processesInside } from '../../process/index.ts';

export interface RemovalRequest {
  layout: Pick<ProjectLayout, 'root' | 'gitCommonDir' | 'shadowGit'>;
  /** No process of its agent lives. */
  worktree: string;
  /** The agent to whom its checkpoints belong. */
  agent: string;
  /** Work in it is moved to the checkpoint, instead of keeping the worktree. */
  force: boolean;
  /** Reason of the checkpoint: `before-rm`. */
  reason: string;
  /** Conversation of the agent, for the checkpoint. */
  sessionId?: string | null;
  transcriptUuid?: string | null;
  /** Limits for files in a checkpoint. */
  limits: CheckpointLimits;
  /** Runs once nothing forbids the removal any more; a throw keeps the worktree. */
  teardown?: () => Promise<void>;
}

export interface RemovalOutcome {
  worktree: string;
  /** False: the worktree still exists, for these reasons. */
  removed: boolean;
  reasons: Finding[];
  /** The checkpoint with its files; null where none could be taken. */
  checkpoint: number | null;
}

/** Findings that a checkpoint and a kept ref hold; any other finding keeps the worktree, forced or not. */
const MOVABLE: ReadonlySet<Finding['kind']> = new Set([
  'uncommitted',
  'untracked',
  'operation',
  'stash',
  'commits',
  'refs',
]);

/**
 * The one way in which swarm removes a worktree: captured first, examined at the moment of deletion, and removed by
 * plain git, which looks once more. Fails closed: a check that cannot be made keeps the worktree. Never throws.
 */
export async function removeExamined(request: RemovalRequest): Promise<RemovalOutcome> {
  const { worktree } = request;
  const outcome: RemovalOutcome = { worktree, removed: false, reasons: [], checkpoint: null };
  if (!existsSync(worktree)) return { ...outcome, removed: true };
  try {
    const store = storeOf(request);
    const { reason, sessionId, transcriptUuid } = request;
    const taken = await store.capture({ reason, sessionId, transcriptUuid, force: true });
    outcome.checkpoint = taken.n;
    let work = await examine(request);
    if (request.force && work.findings.length > 0 && work.findings.every(({ kind }) => MOVABLE.has(kind))) {
      await moveAway(request, work, taken.commit, async () => (await store.capture({ reason })).commit);
      work = await examine(request);
    }
    if (work.findings.length > 0) return { ...outcome, reasons: work.findings };
    await request.teardown?.();
    // A teardown program may leave files, or start processes.
    if (request.teardown !== undefined) work = await examine(request);
    if (work.findings.length > 0) return { ...outcome, reasons: work.findings };
    await removeWorktree({ root: request.layout.root, path: worktree });
    return { ...outcome, removed: true };
  } catch (error) {
    return { ...outcome, reasons: [findingOf(error)] };
  }
}

function findingOf(error: unknown): Finding {
  const code = error instanceof SwarmError ? error.code : null;
  if (error instanceof SwarmError && code === 'worktree-has-submodules')
    return { kind: 'submodule', text: [error.message, error.hint].filter(Boolean).join('. ') };
  if (code === 'teardown-failed') return { kind: 'check-failed', text: errorText(error) };
  return { kind: 'check-failed', text: `it could not be made sure that nothing is lost: ${errorText(error)}` };
}

function storeOf({ layout, worktree, agent, limits }: RemovalRequest): CheckpointStore {
  const { gitCommonDir, shadowGit } = layout;
  return new CheckpointStore({ gitCommonDir, shadowGit, worktree, agent }, limits);
}

async function examine({ layout, worktree }: RemovalRequest): Promise<UnsavedWork> {
  const work = await unsavedWork({ root: layout.root, worktree });
  const inside = processesInside(realpathSync(worktree));
  if (inside.length === 0) return work;
  const names = inside.slice(0, 3).map(({ pid, command }) => `${command} (pid ${pid})`);
  const text = `${inside.length === 1 ? 'a process works' : `${inside.length} processes work`} in it: ${names.join(', ')}`;
  return { ...work, findings: [{ kind: 'process', text }, ...work.findings] };
}

/**
 * Clears the worktree of files that the checkpoint holds, and of no others. `again` captures once more, at the last
 * moment: another commit means that a program or person has just written a file.
 */
async function moveAway(
  { layout, worktree, agent }: RemovalRequest,
  work: UnsavedWork,
  checkpoint: string,
  again: () => Promise<string>,
): Promise<void> {
  await keepCommits(layout.root, `refs/swarm/kept/${agent}`, work.loose);
  if ((await again()) !== checkpoint) throw new Error('something was written meanwhile');
  await discardCaptured({ worktree, checkpoint, files: work.files });
}

/** The reasons why a worktree was kept, for a person. */
export function reasonText(reasons: readonly Finding[]): string {
  return reasons.map(({ text }) => text).join('; ');
}

/** `worker-1`, and for its further slots `worker-1.2`, whose checkpoints are those of `worker-1-slot-2`. */
export function ownerOf(worktree: string): { agent: string; checkpoints: string } {
  const name = path.basename(worktree);
  return { agent: name.split('.')[0] ?? name, checkpoints: name.replace('.', '-slot-') };
}
