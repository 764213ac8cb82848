import { systemClock, type Clock } from '../lib/clock.ts';
import { AgentTable } from './agents.ts';
import { tellOnce, type OnBroken } from './broken.ts';
import { Database } from './database.ts';
import { storeError } from './errors.ts';
import { EventTable } from './events.ts';
import { privateFile } from './files.ts';
import { GroupCommit } from './group-commit.ts';
import { HealthTable } from './health.ts';
import { takeSupervisorLock } from './lock.ts';
import { MessageTable } from './messages.ts';
import { Notes } from './notes.ts';
import { OperationTable } from './operations.ts';
import { migrate, refuseDamaged, refuseNewer, type Migration } from './migrate.ts';
import { ADDED_TABLES, MIGRATIONS } from './schema.ts';

export type WallClock = Pick<Clock, 'now'>;

export interface StoreOptions {
  /** The database; its directory becomes 0700, the file 0600. */
  path: string;
  lockPath: string;
  clock?: WallClock;
  /** Number of events that stay. */
  keepEvents?: number;
  /** A note, or an operation, does not fit its schema. */
  onBroken?: OnBroken;
  /** For tests of migrations. */
  migrations?: readonly Migration[];
}

const KEEP_EVENTS = 100_000;
/** The WAL is moved into the database at 1,000 pages (4 MB) and cut back to 16 MB if one batch was larger. */
const PRAGMAS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = ${16 * 1024 * 1024};
PRAGMA cache_size = -16384;
PRAGMA temp_store = MEMORY;
`;

/**
 * Everything that swarm must not forget, in one SQLite file that this process alone writes. A resolved promise means:
 * on disk (`synchronous=FULL`), through a power cut too.
 */
export class Store implements AsyncDisposable {
  readonly clock: WallClock;
  /** Grows by one at each open; every order carries it, so that an order of an earlier supervisor is refused. */
  readonly epoch: number;
  readonly agents: AgentTable;
  readonly messages: MessageTable;
  readonly events: EventTable;
  readonly operations: OperationTable;
  readonly health: HealthTable;
  readonly notes: Notes;
  readonly #db: Database;
  readonly #group: GroupCommit;
  readonly #lock: Disposable | null;
  readonly #file: string;

  private constructor(
    db: Database,
    file: string,
    lock: Disposable | null,
    options: Pick<StoreOptions, 'clock' | 'keepEvents' | 'onBroken'>,
  ) {
    this.#db = db;
    this.#file = file;
    this.#lock = lock;
    this.clock = options.clock ?? systemClock;
    this.#group = new GroupCommit(db, file);
    const tellBroken = tellOnce(options.onBroken ?? (() => undefined));
    this.notes = new Notes(db, tellBroken);
    this.events = new EventTable(db, this.#group, options.keepEvents ?? KEEP_EVENTS);
    this.agents = new AgentTable(db, this.#group);
    this.messages = new MessageTable(db, this.#group, () => this.clock.now());
    this.health = new HealthTable(db, this.#group);
    this.operations = new OperationTable(db, () => this.clock.now(), tellBroken);
    this.epoch = (this.notes.get('epoch') ?? 0) + 1;
    this.notes.set('epoch', this.epoch);
  }

  /**
   * Opens the store. Throws SwarmError `supervisor-running` (at once), `store-newer`, `store-corrupt`, or an error of
   * the disk (`disk-full`, `store-read-only`, `store-unreachable`, `store-io`); nothing stays open then.
   */
  static open(options: StoreOptions): Store {
    const { path, lockPath, migrations = MIGRATIONS } = options;
    using undo = new DisposableStack();
    const lock = undo.use(takeSupervisorLock(lockPath));
    try {
      privateFile(path);
      const db = undo.use(new Database(path));
      refuseNewer(db, path, migrations.length);
      refuseDamaged(db, path);
      db.exec(PRAGMAS);
      migrate(db, path, migrations);
      db.exec(ADDED_TABLES);
      const store = new Store(db, path, lock, options);
      undo.move();
      return store;
    } catch (error) {
      throw storeError(error, path);
    }
  }

  /** A store in memory, for tests of its users. */
  static memory(options: Pick<StoreOptions, 'clock' | 'keepEvents' | 'onBroken'> = {}): Store {
    const db = new Database(':memory:');
    migrate(db, ':memory:', MIGRATIONS);
    db.exec(ADDED_TABLES);
    return new Store(db, ':memory:', null, options);
  }

  /**
   * Runs `fn` now, inside the open batch, and resolves with its value once the batch is on disk. When `fn` throws, its
   * writes are undone and only this promise rejects. When the disk refuses, every promise of the batch rejects with a
   * SwarmError, nothing of it was written, and the next write starts afresh. `fn` must not be async.
   */
  write<T>(fn: (db: Database) => T): Promise<T> {
    return this.#group.write(() => fn(this.#db));
  }

  /** Why no write succeeds, and since when (epoch ms); null: the last write succeeded. */
  get failure(): { since: number; message: string } | null {
    return this.#group.failure;
  }

  /** Reads, including writes of the open batch that may not be on disk yet. */
  read<T>(fn: (db: Database) => T): T {
    try {
      return fn(this.#db);
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  /** Commits the open batch, empties the WAL into the database and frees the supervisor's lock. */
  close(): void {
    if (!this.#db.isOpen) return;
    this.#group.close();
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // Data in the WAL is safe there: the next open reads it. A full disk must not keep the supervisor from ending.
      if (storeError(error, this.#file) === error) throw error;
    } finally {
      this.#db.close();
      this.#lock?.[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
