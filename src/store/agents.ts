import type { AgentDesired, AgentKind, Usage } from '../domain/agent.ts';
import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';

/** The facts about an agent that must survive when everything but the disk is gone. */
export interface StoredAgent {
  id: string;
  role: string;
  kind: AgentKind;
  desired: AgentDesired;
  /** What its owner needs to start it again; JSON. */
  spec: unknown;
  sessionId: string | null;
  restarts: number;
  /** Number of its last checkpoint. */
  checkpoint: number | null;
  /** Totals over its whole life. */
  usage: Usage;
  /** ms since 1970 */
  createdAt: number;
}

export type AgentPatch = Partial<Omit<StoredAgent, 'id' | 'usage' | 'createdAt'>>;

interface AgentRow {
  id: string;
  role: string;
  kind: AgentKind;
  desired: AgentDesired;
  spec: string;
  session_id: string | null;
  restarts: number;
  checkpoint: number | null;
  cost_usd: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  created_at: number;
}

export class AgentTable {
  readonly #db: Database;
  readonly #group: GroupCommit;

  constructor(db: Database, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  get(id: string): StoredAgent | undefined {
    const row = this.#db.get<AgentRow>('SELECT * FROM agents WHERE id = ?', id);
    return row === undefined ? undefined : toRecord(row);
  }

  /** The agents in the order in which they were created. */
  list(): StoredAgent[] {
    return this.#db.all<AgentRow>('SELECT * FROM agents ORDER BY created_at, id').map(toRecord);
  }

  /** Adds the agent, or replaces its row. */
  put(agent: StoredAgent): Promise<void> {
    return this.#group.write(() => this.#put(agent));
  }

  /** Changes the fields in the patch. False when there is no such agent. */
  update(id: string, patch: AgentPatch): Promise<boolean> {
    return this.#group.write(() => {
      const agent = this.get(id);
      if (agent === undefined) return false;
      this.#put({ ...agent, ...patch });
      return true;
    });
  }

  /** Adds to the totals of the agent's life. */
  addUsage(id: string, usage: Usage): Promise<void> {
    return this.#group.write(() => {
      this.#db.run(
        `UPDATE agents SET cost_usd = cost_usd + ?, input_tokens = input_tokens + ?, output_tokens = output_tokens + ?,
         cache_read_tokens = cache_read_tokens + ?, cache_creation_tokens = cache_creation_tokens + ? WHERE id = ?`,
        usage.costUsd,
        usage.inputTokens,
        usage.outputTokens,
        usage.cacheReadTokens,
        usage.cacheCreationTokens,
        id,
      );
    });
  }

  remove(id: string): Promise<boolean> {
    return this.#group.write(() => this.#db.run('DELETE FROM agents WHERE id = ?', id) > 0);
  }

  #put({ usage, ...agent }: StoredAgent): void {
    this.#db.run(
      'INSERT OR REPLACE INTO agents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      agent.id,
      agent.role,
      agent.kind,
      agent.desired,
      JSON.stringify(agent.spec ?? null),
      agent.sessionId,
      agent.restarts,
      agent.checkpoint,
      usage.costUsd,
      usage.inputTokens,
      usage.outputTokens,
      usage.cacheReadTokens,
      usage.cacheCreationTokens,
      agent.createdAt,
    );
  }
}

function toRecord(row: AgentRow): StoredAgent {
  return {
    id: row.id,
    role: row.role,
    kind: row.kind,
    desired: row.desired,
    spec: JSON.parse(row.spec) as unknown,
    sessionId: row.session_id,
    restarts: row.restarts,
    checkpoint: row.checkpoint,
    usage: {
      costUsd: row.cost_usd,
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      cacheReadTokens: row.cache_read_tokens,
      cacheCreationTokens: row.cache_creation_tokens,
    },
    createdAt: row.created_at,
  };
}
