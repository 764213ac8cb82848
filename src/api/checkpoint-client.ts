import type {
  CheckpointBranchDocument,
  CheckpointDiffDocument,
  CheckpointDropDocument,
  CheckpointPruneDocument,
  CheckpointRestoreDocument,
  CheckpointShowDocument,
} from './checkpoints/schemas.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { CheckpointDocument } from './checkpoints/schemas.ts';

export interface Door {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

/** The checkpoint verbs of the API, one method per route. */
export class CheckpointClient implements CheckpointService {
  readonly #door: Door;

  constructor(door: Door) {
    this.#door = door;
  }

  all(): Promise<CheckpointDocument[]> {
    return this.#door.get('/v1/checkpoints');
  }

  show(agent: string, n: number): Promise<CheckpointShowDocument> {
    return this.#door.get(of(agent, n));
  }

  diff(agent: string, from: number, to: number | null): Promise<CheckpointDiffDocument> {
    return this.#door.get(`${of(agent, from)}/diff${to === null ? '' : `?to=${to}`}`);
  }

  restore(agent: string, n: number, paths: string[]): Promise<CheckpointRestoreDocument> {
    return this.#door.post(`${of(agent, n)}/restore`, { paths });
  }

  branch(agent: string, n: number, name: string): Promise<CheckpointBranchDocument> {
    return this.#door.post(`${of(agent, n)}/branch`, { name });
  }

  pin(agent: string, n: number, pinned: boolean): Promise<CheckpointDocument> {
    return this.#door.post(`${of(agent, n)}/pin`, { pinned });
  }

  prune(agent: string | undefined, dryRun: boolean): Promise<CheckpointPruneDocument> {
    return this.#door.post('/v1/checkpoints/prune', { ...(agent === undefined ? {} : { agent }), dryRun });
  }

  drop(agent: string, numbers: number[], purge: boolean): Promise<CheckpointDropDocument> {
    return this.#door.post(`/v1/checkpoints/${encodeURIComponent(agent)}/drop`, { numbers, purge });
  }
}

const of = (agent: string, n: number): string => `/v1/checkpoints/${encodeURIComponent(agent)}/${n}`;
