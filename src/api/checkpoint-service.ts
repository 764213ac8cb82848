import type {
  CheckpointBranchDocument,
  CheckpointDiffDocument,
  CheckpointDocument,
  CheckpointDropDocument,
  CheckpointPruneDocument,
  CheckpointRestoreDocument,
  CheckpointShowDocument,
} from './checkpoints/schemas.ts';

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
