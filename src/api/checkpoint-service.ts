import type { CheckpointDocument } from './documents.ts';

export interface FileChange {
  path: string;
  /** Lines; null for a binary file. */
  added: number | null;
  removed: number | null;
}

export interface CheckpointShowDocument extends CheckpointDocument {
  /** The checkpoint before, which `changed` is counted from; null: from HEAD. */
  since: number | null;
  changed: FileChange[];
  /** Of an unfinished merge, rebase, cherry-pick or revert. */
  operationFiles: string[];
  emptyDirectories: string[];
}

export interface CheckpointDiffDocument {
  agent: string;
  from: number;
  /** Null: the worktree as it is now. */
  to: number | null;
  changed: FileChange[];
  patch: string;
}

export interface CheckpointRestoreDocument {
  agent: string;
  n: number;
  /** The checkpoint taken of what was there before. */
  safety: number;
  changed: string[];
}

export interface CheckpointBranchDocument {
  agent: string;
  n: number;
  branch: string;
  commit: string;
}

export interface CheckpointPruneDocument {
  dryRun: boolean;
  removed: { agent: string; n: number; at: string; reason: string }[];
  kept: number;
}

export interface CheckpointDropDocument {
  agent: string;
  dropped: number[];
  /** Null without --purge. */
  purged: {
    objects: number;
    stillHeld: { path: string; checkpoints: { agent: string; n: number }[] }[];
    remaining: string[];
  } | null;
}

/** What can be done with checkpoints beside taking one and rolling back; agents that are removed have theirs still. */
export interface CheckpointService {
  all(): Promise<CheckpointDocument[]>;
  show(agent: string, n: number): Promise<CheckpointShowDocument>;
  diff(agent: string, from: number, to: number | null): Promise<CheckpointDiffDocument>;
  restore(agent: string, n: number, paths: string[]): Promise<CheckpointRestoreDocument>;
  branch(agent: string, n: number, name: string): Promise<CheckpointBranchDocument>;
  pin(agent: string, n: number, pinned: boolean): Promise<CheckpointDocument>;
  prune(agent: string | undefined, dryRun: boolean): Promise<CheckpointPruneDocument>;
  drop(agent: string, numbers: number[], purge: boolean): Promise<CheckpointDropDocument>;
}
