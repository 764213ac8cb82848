/** Where the checkpoints of one agent live. */
export interface CheckpointPlace {
  /** Git common directory of the repository: objects and refs of checkpoints go there. */
  gitCommonDir: string;
  /** `<state>/shadow.git`, shared by all agents of the project. */
  shadowGit: string;
  worktree: string;
  /** Agent id; part of the ref name. */
  agent: string;
}

export interface CaptureRequest {
  /** Why it is made, one line: `task-start`, `turn-end`, `before-rollback`, or a person's words. */
  reason: string;
  task?: string | null | undefined;
  attempt?: number | null | undefined;
  sessionId?: string | null | undefined;
  transcriptUuid?: string | null | undefined;
  /** Makes a checkpoint even if nothing has changed since the last one. */
  force?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface Captured {
  n: number;
  commit: string;
  tree: string;
  /** False when the newest checkpoint holds this very state already. */
  created: boolean;
  /**
   * Sentences for people: files that could not be captured (unreadable files, nested repositories without a commit),
   * files left out for their size, nested repositories with changes of their own, names that look like secrets.
   */
  warnings: string[];
}

export interface Checkpoint {
  n: number;
  ref: string;
  commit: string;
  tree: string;
  /** ISO 8601. */
  at: string;
  agent: string;
  reason: string;
  task: string | null;
  attempt: number | null;
  sessionId: string | null;
  transcriptUuid: string | null;
  /** HEAD of the worktree. */
  head: string | null;
  branch: string | null;
  /**
   * The task that had begun in the worktree when the checkpoint was taken; null: none, or its first prompt was still to
   * come.
   */
  begunTask: string | null;
  /** Files that differ from the checkpoint before (of the first one: from HEAD). */
  files: number;
  /** The commit that holds index, unfinished operation, modes and empty directories. */
  meta: string;
  /** Fingerprint of the whole state. */
  state: string;
  /** Retention never removes it. */
  pinned: boolean;
  /** Its commit cannot be read; only number, ref, commit and agent are true. */
  damaged: boolean;
  /** Warnings about files that it does not hold, and about some that it does. */
  warnings: string[];
}

export interface RolledBack {
  n: number;
  /** The checkpoint of the files before the rollback: `rollback(safety)` undoes this one. */
  safety: number;
  /** Files that changed. */
  changed: string[];
  warnings: string[];
}

/** Limits that a person may set. */
export interface CheckpointLimits {
  /** Larger files are left out, in bytes. */
  maxFileBytes: number;
}

/** Limits of a project that sets none. */
export const DEFAULT_LIMITS: CheckpointLimits = { maxFileBytes: 100 * 1024 * 1024 };

export interface RestoredPaths {
  n: number;
  /** The checkpoint of the files before the restore. */
  safety: number;
  changed: string[];
}
