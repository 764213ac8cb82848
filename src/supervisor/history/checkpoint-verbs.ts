import type {
  CheckpointBranchDocument,
  CheckpointDiffDocument,
  CheckpointDropDocument,
  CheckpointPruneDocument,
  CheckpointRestoreDocument,
  CheckpointShowDocument,
} from '../../api/checkpoints/schemas.ts';
import type { CheckpointService } from '../../api/checkpoint-service.ts';
import type { CheckpointDocument } from '../../api/checkpoints/schemas.ts';
import type { KnownCheckpoints } from '../../checkpoint/refs/checkpoint-cache.ts';
import { checkpointDocument } from '../../checkpoint/refs/document.ts';
import type { Retention } from '../../checkpoint/keep/retention.ts';
import type { CheckpointStore } from '../../checkpoint/store.ts';
import { dropCheckpoints, pinCheckpoint, pruneCheckpoints } from '../../checkpoint/keep/upkeep.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { printable } from '../../git/bytes.ts';
import { unfinishedAmong } from '../../git/repository/operations.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { unknownAgent } from '../../domain/unknown-agent.ts';

export interface VerbParts {
  layout: ProjectLayout;
  fleet: Pick<Fleet, 'get' | 'records'>;
  /** With an empty worktree: of an agent that has none any more. */
  storeOf(agent: string, worktree: string): CheckpointStore;
  lists: KnownCheckpoints;
  retention(): Retention;
}

/** What can be done with the checkpoints of agents that live, rest or are gone. */
export class CheckpointVerbs implements CheckpointService {
  readonly #parts: VerbParts;

  constructor(parts: VerbParts) {
    this.#parts = parts;
  }

  async all(): Promise<CheckpointDocument[]> {
    return (await this.#parts.lists.list(null)).map(checkpointDocument);
  }

  async show(agent: string, n: number): Promise<CheckpointShowDocument> {
    const { checkpoint, since, diff, loaded } = await (await this.#store(agent)).show(n);
    return {
      ...checkpointDocument(checkpoint),
      since,
      changed: diff.files,
      operationFiles: unfinishedAmong(loaded.operations),
      emptyDirectories: loaded.emptyDirs.map(printable),
    };
  }

  async diff(agent: string, from: number, to: number | null): Promise<CheckpointDiffDocument> {
    const store = await this.#store(agent);
    if (to === null) this.#worktreeOf(agent);
    const { text, files } = await store.diff(from, to);
    return { agent, from, to, changed: files, patch: text };
  }

  async restore(agent: string, n: number, paths: string[]): Promise<CheckpointRestoreDocument> {
    const store = await this.#store(agent);
    const held = this.#worktreeOf(agent).observed.snapshot;
    const task = held?.tasks.find(({ slot }) => slot === 0);
    const request = { task: task?.task, attempt: task?.attempt, sessionId: held?.sessionId };
    return { agent, ...(await store.restorePaths(n, paths, request)) };
  }

  async branch(agent: string, n: number, name: string): Promise<CheckpointBranchDocument> {
    return { agent, ...(await (await this.#store(agent)).branch(n, name)) };
  }

  async pin(agent: string, n: number, pinned: boolean): Promise<CheckpointDocument> {
    await this.#store(agent);
    return checkpointDocument(await pinCheckpoint({ ...this.#parts.layout, agent }, n, pinned));
  }

  async prune(agent: string | undefined, dryRun: boolean): Promise<CheckpointPruneDocument> {
    if (agent !== undefined) await this.#store(agent);
    const { layout, retention } = this.#parts;
    const { removed, kept } = await pruneCheckpoints(layout, retention(), { agent, dryRun, now: Date.now() });
    return {
      dryRun,
      removed: removed.map(({ agent: owner, n, at, reason }) => ({ agent: owner, n, at, reason })),
      kept,
    };
  }

  async drop(agent: string, numbers: number[], purge: boolean): Promise<CheckpointDropDocument> {
    await this.#store(agent);
    const { dropped, purged } = await dropCheckpoints({ ...this.#parts.layout, agent }, numbers, purge);
    return { agent, dropped: dropped.map(({ n }) => n), purged };
  }

  /** Error: `unknown-agent`, for whoever neither lives nor has ever had a checkpoint. */
  async #store(agent: string): Promise<CheckpointStore> {
    const record = this.#parts.fleet.get(agent);
    if (record !== undefined) return this.#parts.storeOf(agent, record.worktree);
    const owners = new Set((await this.#parts.lists.list(null)).map((one) => one.agent));
    if (owners.has(agent)) return this.#parts.storeOf(agent, '');
    throw unknownAgent(agent, [...this.#parts.fleet.records.map(({ id }) => id), ...owners]);
  }

  #worktreeOf(agent: string): AgentRecord {
    const record = this.#parts.fleet.get(agent);
    if (record !== undefined) return record;
    throw new SwarmError('no-worktree', `${agent} is gone and has no worktree`, {
      hint: `Its checkpoints can be compared with each other, or made a branch: \`swarm checkpoint branch ${agent} N NAME\``,
    });
  }
}
