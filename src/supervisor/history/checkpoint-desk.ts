import { existsSync } from 'node:fs';
import type {
  CheckpointBranchDocument,
  CheckpointDiffDocument,
  CheckpointDocument,
  CheckpointDropDocument,
  CheckpointPruneDocument,
  CheckpointRestoreDocument,
  CheckpointsService,
  CheckpointShowDocument,
} from '../../api/checkpoints/schemas.ts';
import { dropCheckpoints, pinCheckpoint, pruneCheckpoints } from '../../checkpoint/keep/upkeep.ts';
import { KnownCheckpoints } from '../../checkpoint/refs/checkpoint-cache.ts';
import { checkpointDocument } from '../../checkpoint/refs/document.ts';
import { findCheckpoint } from '../../checkpoint/refs/refs.ts';
import { CheckpointStore } from '../../checkpoint/store.ts';
import type { Config } from '../../config/index.ts';
import type { Order } from '../../coordination/link.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { printable } from '../../git/bytes.ts';
import { gitText } from '../../git/git.ts';
import { unfinishedAmong } from '../../git/repository/operations.ts';
import type { AgentNames } from '../fleet/agent-names.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import { limitsOf, retentionOf } from './checkpoint-settings.ts';
import type { ReversibleWork } from './reversible-work.ts';

const REFS = 'refs/swarm/checkpoints/';
/** A first checkpoint of a large worktree reads many files. */
const TAKE_TIMEOUT_MS = 120_000;

export interface CheckpointDeskDeps {
  layout: ProjectLayout;
  config: Pick<Config, 'checkpoints'>;
  names: AgentNames;
  fleet: Pick<Fleet, 'get' | 'alone'>;
  links: { order(agent: string, order: Order, timeoutMs: number): Promise<unknown> };
  works: Pick<ReversibleWork, 'point'>;
}

type Named = { id: string };
type Numbered = { id: string; n: number };

/** Actions on the checkpoints of agents that live, rest or are gone, but for the rollback to one. */
export class CheckpointDesk implements CheckpointsService {
  readonly #deps: CheckpointDeskDeps;
  readonly #lists: KnownCheckpoints;
  readonly #stores = new Map<string, CheckpointStore>();

  constructor(deps: CheckpointDeskDeps) {
    this.#deps = deps;
    this.#lists = new KnownCheckpoints(deps.layout.gitCommonDir);
  }

  /** A linked wrapper takes its own checkpoint; for an agent at rest the supervisor takes it. */
  async take({ id, reason }: Named & { reason: string }): Promise<CheckpointDocument> {
    const { names, fleet, links } = this.#deps;
    const record = names.agent(id);
    if (!record.observed.linked) {
      // Before it is asked whether the agent rests, which one that waits for a person does not for moments of each look.
      if (!existsSync(record.worktree)) throw withoutWorktree(id);
      return await fleet.alone(record, () => this.#capture(record, reason));
    }
    const taken = (await links.order(id, { do: 'checkpoint', reason }, TAKE_TIMEOUT_MS)) as { n: number };
    const found = (await this.#lists.list(id)).find((entry) => entry.n === taken.n);
    if (found !== undefined) return checkpointDocument(found);
    throw new SwarmError('checkpoint-missing', `checkpoint ${taken.n} of ${id} was taken but cannot be read`);
  }

  async #capture(record: AgentRecord, reason: string): Promise<CheckpointDocument> {
    const { id, worktree } = record;
    const store = this.#storeIn(id, worktree);
    const { n } = await store.capture({ reason, ...(await this.#deps.works.point(record)), force: true });
    return checkpointDocument(await findCheckpoint(store.place, n));
  }

  async all(): Promise<CheckpointDocument[]> {
    return (await this.#lists.list(null)).map(checkpointDocument);
  }

  async list({ id }: Named): Promise<CheckpointDocument[]> {
    await this.#worktreeOf(id);
    return (await this.#lists.list(id)).map(checkpointDocument);
  }

  async show({ id, n }: Numbered): Promise<CheckpointShowDocument> {
    const { checkpoint, since, diff, loaded } = await (await this.#storeOf(id)).show(n);
    return {
      ...checkpointDocument(checkpoint),
      since,
      changed: diff.files,
      operationFiles: unfinishedAmong(loaded.operations),
      emptyDirectories: loaded.emptyDirs.map(printable),
    };
  }

  async diff({ id, n, to = null }: Numbered & { to?: number | null | undefined }): Promise<CheckpointDiffDocument> {
    const store = await this.#storeOf(id);
    if (to === null) this.#present(id);
    const { text, files } = await store.diff(n, to);
    return { agent: id, from: n, to, changed: files, patch: text };
  }

  async restore({ id, n, paths }: Numbered & { paths: string[] }): Promise<CheckpointRestoreDocument> {
    const store = await this.#storeOf(id);
    const held = this.#present(id).observed.snapshot;
    const task = held?.tasks.find(({ slot }) => slot === 0);
    const request = { task: task?.task, attempt: task?.attempt, sessionId: held?.sessionId };
    return { agent: id, ...(await store.restorePaths(n, paths, request)) };
  }

  async branch({ id, n, name }: Numbered & { name: string }): Promise<CheckpointBranchDocument> {
    return { agent: id, ...(await (await this.#storeOf(id)).branch(n, name)) };
  }

  async pin({ id, n, pinned }: Numbered & { pinned: boolean }): Promise<CheckpointDocument> {
    await this.#worktreeOf(id);
    return checkpointDocument(await pinCheckpoint({ ...this.#deps.layout, agent: id }, n, pinned));
  }

  async prune({ agent, dryRun }: { agent?: string | undefined; dryRun: boolean }): Promise<CheckpointPruneDocument> {
    if (agent !== undefined) await this.#worktreeOf(agent);
    const { layout, config } = this.#deps;
    const { removed, kept } = await pruneCheckpoints(layout, retentionOf(config), { agent, dryRun, now: Date.now() });
    return {
      dryRun,
      removed: removed.map(({ agent: owner, n, at, reason }) => ({ agent: owner, n, at, reason })),
      kept,
    };
  }

  async drop({ id, numbers, purge }: Named & { numbers: number[]; purge: boolean }): Promise<CheckpointDropDocument> {
    await this.#worktreeOf(id);
    const { dropped, purged } = await dropCheckpoints({ ...this.#deps.layout, agent: id }, numbers, purge);
    return { agent: id, dropped: dropped.map(({ n }) => n), purged };
  }

  async #storeOf(id: string): Promise<CheckpointStore> {
    return this.#storeIn(id, (await this.#worktreeOf(id)) ?? this.#deps.layout.root);
  }

  #storeIn(agent: string, worktree: string): CheckpointStore {
    const key = `${agent} ${worktree}`;
    const known = this.#stores.get(key);
    if (known !== undefined) return known;
    const { gitCommonDir, shadowGit } = this.#deps.layout;
    const store = new CheckpointStore({ gitCommonDir, shadowGit, worktree, agent }, limitsOf(this.#deps.config));
    this.#stores.set(key, store);
    return store;
  }

  /**
   * The worktree of an agent. Null: the agent is gone, and its checkpoints exist.
   * @throws SwarmError `unknown-agent`: it never had one
   */
  async #worktreeOf(id: string): Promise<string | null> {
    const record = this.#deps.fleet.get(id);
    if (record !== undefined) return record.worktree;
    const owners = await this.#owners();
    if (owners.includes(id)) return null;
    throw this.#deps.names.unknown(id, owners);
  }

  /** Agents that have checkpoints, removed ones too. */
  async #owners(): Promise<string[]> {
    const refs = await gitText(['for-each-ref', '--format=%(refname)', REFS], { cwd: this.#deps.layout.root });
    const names = refs
      .split('\n')
      .filter((line) => line !== '')
      .map((ref) => ref.slice(REFS.length).split('/')[0] ?? '');
    return [...new Set(names)];
  }

  #present(id: string): AgentRecord {
    const record = this.#deps.fleet.get(id);
    if (record !== undefined) return record;
    throw new SwarmError('no-worktree', `${id} is gone and has no worktree`, {
      hint: `Its checkpoints can be compared with each other, or made a branch: \`swarm checkpoint branch ${id} N NAME\``,
    });
  }
}

function withoutWorktree(id: string): SwarmError {
  return new SwarmError('no-worktree', `${id} has no worktree now: it is made when the agent starts`, {
    hint: '`swarm status` shows why it has not.',
  });
}
