import type { RemovedDocument } from '../api/documents.ts';
import { lastUuid, findTranscript } from '../claude/transcript.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import type { TaskEngine } from '../scheduler/engine.ts';
import type { Store } from '../store/store.ts';
import type { AgentRecord } from './agent-record.ts';
import { loadEnvironment } from './environment.ts';
import type { EventLog } from './event-log.ts';
import type { Fleet } from './fleet.ts';
import { recallPurged } from './removed-agent.ts';
import { Removals } from './removals.ts';
import type { Roster } from './roster.ts';
import { teardownOf, type TeardownWorld } from './teardown.ts';

export interface WorksDependencies {
  layout: ProjectLayout;
  env: Record<string, string>;
  store: Store;
  fleet: Fleet;
  events: EventLog;
  engine: TaskEngine;
  roster: Roster;
  project: TeardownWorld['project'];
  /** The supervisor does not end in the middle of it. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** What swarm does to people's work and can take back: rollback, `rm`, and their undoing. */
export class Works {
  readonly #deps: WorksDependencies;
  readonly #removals: Removals;

  constructor(deps: WorksDependencies) {
    this.#deps = deps;
    this.#removals = new Removals({
      ...deps,
      teardown: (worktree) =>
        teardownOf({ ...deps, env: loadEnvironment(deps.layout.envSnapshot, deps.env) })(worktree),
      saveRow: (record) => deps.roster.save(record),
      transcriptUuid: (worktree, sessionId) => this.#transcriptUuid(worktree, sessionId),
    });
  }

  /** At the start of a supervisor. */
  async recall(): Promise<void> {
    await recallPurged(this.#deps.layout, this.#deps.store);
  }

  /** Ends what a kill cut short, while nothing of the agent runs. */
  async settle(record: AgentRecord): Promise<void> {
    await this.#removals.settle(record);
  }

  /** @throws SwarmError `worktree-kept` */
  remove(record: AgentRecord, force: boolean): Promise<RemovedDocument> {
    return this.#deps.during(() => this.#removals.remove(record, force));
  }

  async #transcriptUuid(worktree: string, sessionId: string | null): Promise<string | null> {
    if (sessionId === null) return null;
    // As of the last `up`: the person may have moved Claude Code's directory.
    const env = loadEnvironment(this.#deps.layout.envSnapshot, this.#deps.env);
    const file = await findTranscript(env, worktree, sessionId);
    return file === null ? null : await lastUuid(file);
  }
}
