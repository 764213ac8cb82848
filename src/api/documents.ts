/** The documents of the API and of `--json`. Field names are stable. Times are ISO 8601, money is USD. */
import type { Agent, AgentStatus, NeedsYou } from '../domain/agent.ts';
import type { Task, TaskState } from '../domain/task.ts';

export interface StatusDocument {
  version: string;
  project: { hash: string; name: string; root: string; base: { branch: string | null; commit: string } | null };
  supervisor: {
    /** `stopping`: `down` was said, and not everything has ended yet. */
    state: 'up' | 'stopping' | 'down';
    pid: number | null;
    since: string | null;
    epoch: number | null;
    buildId: string | null;
  };
  broker: {
    state: 'absent' | 'installing' | 'starting' | 'up' | 'down';
    /** Without credentials. */
    url: string | null;
    pid: number | null;
    private: boolean;
    reason: string | null;
  };
  /** What does not work now, each in one line; absent while all is well. */
  degraded?: string[];
  /** swarm.yaml as it counts now; null while nothing is up. */
  config: {
    /** What git calls the file in force, abbreviated; null: there is none, and the defaults count. */
    version: string | null;
    /** Since when it counts. */
    since: string;
    /** Why the file as it is now does not count. */
    refused: { message: string; hint: string | null } | null;
    /** Keys that count from the next `down` and `up` on. */
    later: string[];
    /** Agents that live with the settings of before until they start again, which they do when they are idle. */
    outdated: string[];
  } | null;
  agents: Agent[];
  tasks: Record<TaskState, number>;
  queues: { name: string; messages: number; consumers: number }[];
  needsYou: NeedsYou[];
}

export interface CheckpointDocument {
  agent: string;
  n: number;
  ref: string;
  commit: string;
  tree: string;
  at: string;
  reason: string;
  task: string | null;
  attempt: number | null;
  sessionId: string | null;
  transcriptUuid: string | null;
  head: string | null;
  branch: string | null;
  /** Files that differ from the checkpoint before. */
  files: number;
  pinned: boolean;
  /** What it does not hold, and what a person should know of what it does. */
  warnings: string[];
}

export interface RollbackDocument {
  agent: string;
  n: number;
  /** The checkpoint taken of what was there before. */
  safety: number;
  changed: string[];
  warnings: string[];
  conversation: {
    /** `cut`: back at the same point, as session `session`. `fresh`: it begins anew. `kept`: as it is. */
    how: 'cut' | 'fresh' | 'kept' | 'none';
    session: string | null;
    /** The conversation of before, which is still there. */
    before: string | null;
    /** Why it begins anew. */
    why: string | null;
  };
  /** The task that it goes on with. */
  task: string | null;
  /** It waits for `resume`. */
  held: boolean;
}

/** What a rollback would change. */
export interface RollbackPlanDocument {
  agent: string;
  n: number;
  at: string;
  reason: string;
  files: { path: string; added: number | null; removed: number | null }[];
  head: { from: string | null; to: string | null };
  branch: { from: string | null; to: string | null };
  conversation: { how: 'cut' | 'fresh' | 'kept' | 'none'; why: string | null };
  task: string | null;
  /** From what is there now to the checkpoint. */
  patch: string;
}

export interface UndoDocument {
  agent: string;
  /** What was taken back. */
  kind: 'rollback' | 'merge' | 'rm' | 'purge';
  /** When that had been done. */
  at: string;
  rollback: RollbackDocument | null;
  merge: { task: string; into: string; before: string; after: string } | null;
  restored: { worktree: string; checkpoint: number | null } | null;
}

export interface RemovedDocument {
  agent: string;
  /** Where its worktree was. */
  worktree: string;
  /** The checkpoint that holds what was in it; null where there was no worktree any more. */
  checkpoint: number | null;
}

/** Why an agent has its status: what is known of it, how old that is, and the rule that fired. */
export interface ExplainDocument {
  agent: string;
  status: AgentStatus;
  since: string;
  rule: string;
  reason: string | null;
  /** When a hold or a backoff ends. */
  until: string | null;
  /** In the order in which it is trusted. */
  facts: { fact: string; value: string; ageMs: number | null }[];
}

/** What an agent's status was in the last 24 hours. */
export interface HistoryDocument {
  agent: string;
  /** Since when something is known. */
  from: string;
  to: string;
  intervals: { status: AgentStatus; reason: string | null; since: string; ms: number }[];
  /** ms in each status. */
  lasted: Partial<Record<AgentStatus, number>>;
}

/** Something that is wrong, or was and is right again (`recovered`). */
export interface AlertDocument {
  /** The same trouble has the same key. */
  key: string;
  severity: 'info' | 'warning' | 'critical';
  state: 'raised' | 'recovered';
  agent: string | null;
  text: string;
  since: string;
  at: string;
}

/** A message to an agent. */
export interface MessageDocument {
  id: string;
  agent: string;
  /** `queued` until one of the others, which are final; `injected`: at a tool edge of a running turn. */
  receipt: 'queued' | 'delivered' | 'injected' | 'refused';
  /** Why it was refused. */
  reason: string | null;
  at: string;
  /** When it got its receipt. */
  since: string;
}

export interface EventDocument {
  id: number;
  at: string;
  name: string;
  agent: string | null;
  task: string | null;
  data: Record<string, unknown>;
}

export interface UpRequest {
  workers?: number | undefined;
  includeDirty?: boolean | undefined;
  trust?: boolean | undefined;
  /** What tasks start from stays what the last `up` found. */
  keepBase?: boolean | undefined;
}

export interface UpDocument {
  agents: Agent[];
  base: { branch: string | null; commit: string };
  notes: string[];
  /** Who is to be there now; workers beyond N are in `agents` too, on their way to `stopped`. */
  wanted: string[];
}

export interface MergeDocument {
  task: string;
  into: string;
  before: string;
  after: string;
  /** False when the branch already held it. */
  merged: boolean;
}

export interface TaskAddedDocument {
  id: string;
  /** True when the key named a task that was already there. */
  existing: boolean;
}

export type { Agent, NeedsYou, Task };
