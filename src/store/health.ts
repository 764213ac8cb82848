import type { AgentStatus } from '../domain/agent.ts';
import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';

/** From `at` on the agent has this status, until its next change. */
export interface StatusChange {
  agent: string;
  status: AgentStatus;
  reason: string | null;
  /** ms since 1970 */
  at: number;
}

/** How far back the history goes, ms. */
export const HISTORY_MS = 86_400_000;
/** Most rows of one agent: with more than two changes a minute its history is shorter than a day. */
const KEPT = 3_000;
const TRIM_EVERY = 500;

/** The statuses of each agent in the last 24 hours. */
export class HealthTable {
  readonly #db: Database;
  readonly #group: GroupCommit;
  #untilTrim = 0;

  constructor(db: Database, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  add({ agent, status, reason, at }: StatusChange): Promise<void> {
    return this.#group.write(() => {
      this.#db.run('INSERT INTO health (agent, status, reason, at) VALUES (?, ?, ?, ?)', agent, status, reason, at);
      this.#untilTrim -= 1;
      if (this.#untilTrim <= 0) this.#trim(at - HISTORY_MS);
    });
  }

  /** The changes in the order in which they happened, from the status that held at `since` on. */
  of(agent: string, since: number): StatusChange[] {
    return this.#db.all<StatusChange>(
      `SELECT agent, status, reason, at FROM health WHERE agent = ? AND id >=
       coalesce((SELECT max(id) FROM health WHERE agent = ? AND at <= ?), 0) ORDER BY id`,
      agent,
      agent,
      since,
    );
  }

  /** Removes older changes, but not the status that held at `before`: the day began with it. */
  #trim(before: number): void {
    this.#untilTrim = TRIM_EVERY;
    const agents = this.#db.all<{ agent: string }>('SELECT DISTINCT agent FROM health');
    for (const { agent } of agents) {
      this.#db.run(
        `DELETE FROM health WHERE agent = ? AND id < max(
           coalesce((SELECT max(id) FROM health WHERE agent = ? AND at <= ?), 0),
           coalesce((SELECT id FROM health WHERE agent = ? ORDER BY id DESC LIMIT 1 OFFSET ${KEPT}), 0))`,
        agent,
        agent,
        before,
        agent,
      );
    }
  }
}
