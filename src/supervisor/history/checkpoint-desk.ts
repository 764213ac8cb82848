import { existsSync } from 'node:fs';
import type { CaptureRequest } from '../../checkpoint/tree/types.ts';
import type { CheckpointService } from '../../api/checkpoint-service.ts';
import type { CheckpointDocument } from '../../api/checkpoints/schemas.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Logger } from 'pino';
import { KnownCheckpoints } from '../../checkpoint/refs/checkpoint-cache.ts';
import { findCheckpoint } from '../../checkpoint/refs/refs.ts';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { Retention } from '../../checkpoint/keep/retention.ts';
import { CheckpointStore } from '../../checkpoint/store.ts';
import type { Config } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { gitText } from '../../git/git.ts';
import { CheckpointUpkeep } from './checkpoint-upkeep.ts';
import type { EventLog } from '../project/event-log.ts';
import { checkpointDocument } from '../../checkpoint/refs/document.ts';
import { CheckpointVerbs } from './checkpoint-verbs.ts';

const REFS = 'refs/swarm/checkpoints/';

export interface CheckpointDesk {
  list(agent: string): Promise<CheckpointDocument[]>;
  /** For an agent that is stopped; a living one does it itself. */
  capture(agent: string, worktree: string, request: CaptureRequest): Promise<CheckpointDocument>;
  /** Agents that have checkpoints, removed ones too. */
  owners(): Promise<string[]>;
  verbs(fleet: Pick<Fleet, 'get' | 'records'>): CheckpointService;
}

/** Reading the checkpoints of all agents, and making them for those whose wrapper does not live. */
export function checkpointDesk(layout: ProjectLayout, config: Pick<Config, 'checkpoints'>): CheckpointDesk {
  const stores = new Map<string, CheckpointStore>();
  const storeOf = (agent: string, worktree: string): CheckpointStore => {
    const key = `${agent} ${worktree}`;
    const known = stores.get(key);
    if (known !== undefined) return known;
    const { gitCommonDir, shadowGit } = layout;
    const place = { gitCommonDir, shadowGit, worktree: worktree === '' ? layout.root : worktree, agent };
    const store = new CheckpointStore(place, limitsOf(config));
    stores.set(key, store);
    return store;
  };
  const lists = new KnownCheckpoints(layout.gitCommonDir);
  return {
    list: async (agent) => (await lists.list(agent)).map(checkpointDocument),
    capture: async (agent, worktree, request) => {
      if (!existsSync(worktree)) {
        throw new SwarmError('no-worktree', `${agent} has no worktree now: it is made when the agent starts`, {
          hint: '`swarm status` shows why it has not.',
        });
      }
      const store = storeOf(agent, worktree);
      const { n } = await store.capture({ ...request, force: true });
      return checkpointDocument(await findCheckpoint(store.place, n));
    },
    owners: async () => {
      const refs = await gitText(['for-each-ref', '--format=%(refname)', REFS], { cwd: layout.root });
      const names = refs
        .split('\n')
        .filter((line) => line !== '')
        .map((ref) => ref.slice(REFS.length).split('/')[0] ?? '');
      return [...new Set(names)];
    },
    verbs: (fleet) => new CheckpointVerbs({ layout, fleet, storeOf, lists, retention: () => retentionOf(config) }),
  };
}

/** As the settings have it whenever it is asked. */
export function limitsOf(config: Pick<Config, 'checkpoints'>): CheckpointLimits {
  return {
    get maxFileBytes() {
      return config.checkpoints.maxFileSize;
    },
  };
}

/** As a project's settings say it. */
function retentionOf({ checkpoints: { keep } }: Pick<Config, 'checkpoints'>): Retention {
  return { allMs: keep.all, hourlyMs: keep.hourly, dailyMs: keep.daily, count: keep.count };
}

export function checkpointUpkeep(world: {
  layout: ProjectLayout;
  config: Pick<Config, 'checkpoints'>;
  log: Logger;
  events: EventLog;
}): CheckpointUpkeep {
  const { layout, config, log, events } = world;
  const pruned = (count: number): void => events.emit('checkpoints.pruned', { data: { count } });
  return new CheckpointUpkeep({ layout, retention: () => retentionOf(config), log, pruned });
}
