import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';

/** `injected`: said at a tool edge of a running turn. Every receipt but `queued` is final. */
export type Receipt = 'queued' | 'delivered' | 'injected' | 'refused';

export interface StoredMessage {
  /** The sender's id; a second message with the same id is the same message. */
  id: string;
  agent: string;
  sender: string;
  text: string;
  receipt: Receipt;
  /** Why it was refused. */
  reason: string | null;
  /** ms since 1970, as the next. */
  createdAt: number;
  updatedAt: number;
}

/** So many messages with a receipt are kept for later questions. */
const KEEP_SETTLED = 1_000;

const COLUMNS = 'id, agent, sender, text, receipt, reason, created_at AS createdAt, updated_at AS updatedAt';

export class MessageTable {
  readonly #db: Database;
  readonly #group: GroupCommit;
  readonly #now: () => number;

  constructor(db: Database, group: GroupCommit, now: () => number) {
    this.#db = db;
    this.#group = group;
    this.#now = now;
  }

  /** Queues a message. False when its id is known already. */
  queue(message: { id: string; agent: string; sender: string; text: string }): Promise<boolean> {
    return this.#group.write(() => {
      const now = this.#now();
      const added = this.#db.run(
        `INSERT OR IGNORE INTO messages (id, agent, sender, text, receipt, created_at, updated_at) VALUES (?, ?, ?, ?, 'queued', ?, ?)`,
        message.id,
        message.agent,
        message.sender,
        message.text,
        now,
        now,
      );
      return added > 0;
    });
  }

  /** Stores the receipt of a message. False when it has one already: the first counts. */
  settle(id: string, receipt: Exclude<Receipt, 'queued'>, reason: string | null = null): Promise<boolean> {
    return this.#group.write(() => {
      const settled = this.#db.run(
        `UPDATE messages SET receipt = ?, reason = ?, updated_at = ? WHERE id = ? AND receipt = 'queued'`,
        receipt,
        reason,
        this.#now(),
        id,
      );
      this.#db.run(
        `DELETE FROM messages WHERE receipt <> 'queued' AND seq <= (SELECT seq FROM messages ORDER BY seq DESC LIMIT 1 OFFSET ?)`,
        KEEP_SETTLED,
      );
      return settled > 0;
    });
  }

  get(id: string): StoredMessage | undefined {
    return this.#db.get<StoredMessage>(`SELECT ${COLUMNS} FROM messages WHERE id = ?`, id);
  }

  /** The messages that wait for this agent, oldest first. */
  queued(agent: string): StoredMessage[] {
    return this.#db.all<StoredMessage>(
      `SELECT ${COLUMNS} FROM messages WHERE agent = ? AND receipt = 'queued' ORDER BY seq`,
      agent,
    );
  }
}
