import * as z from 'zod';
import { RUNGS } from '../domain/ladder.ts';
import type { TellBroken } from './broken.ts';
import type { Database } from './database.ts';

/** Epoch ms, unless another unit is named. */
const time = z.number();
const probe = z.object({ agent: z.string(), since: time }).nullable();

const account = z.object({
  hold: z
    .object({
      kind: z.enum(['auth', 'rate-limit', 'overload']),
      since: time,
      until: time,
      stated: z.boolean().exactOptional(),
      detail: z.string(),
      tries: z.number(),
      probe,
      prefer: z.string().nullable(),
      last: z.string().nullable(),
    })
    .nullable(),
  failures: z.array(time),
});

const ledger = z.object({
  period: z.string(),
  spentUsd: z.number(),
  grantedUsd: z.number(),
  last: z.record(z.string(), z.number()),
});

const mortality = z.object({
  deaths: z.array(z.object({ agent: z.string(), at: time, detail: z.string(), explained: z.boolean() })),
  episodes: z.array(time),
  hold: z
    .object({
      since: time,
      detail: z.string(),
      until: time,
      tries: z.number(),
      probe,
      last: z.string().nullable().exactOptional(),
    })
    .nullable(),
});

/**
 * Every small fact of the project that has no table of its own: its key and its shape. Version 0.1.0 writes all of
 * these: a field that is added later must be optional, so that stored notes stay readable.
 */
const NOTES = {
  /** How often the store was opened. */
  epoch: z.number(),
  /** Numbers of tasks up to this one are used by task branches outside of the store. */
  'task.seed': z.number(),
  /** Whether the person has last said `up` or `down`. */
  'swarm.desired': z.enum(['up', 'down']),
  /** The commit and branch that tasks start from, set by the last `up`. */
  'swarm.base': z.object({ branch: z.string().nullable(), commit: z.string() }),
  /** Whether the person has agreed that agents work in this repository. */
  'swarm.trusted': z.boolean(),
  /** The text of the settings in force, for a supervisor that finds the file unusable; null: there was no file. */
  'swarm.config.text': z.object({ text: z.string().nullable() }),
  /**
   * The last time that a supervisor lived; `monotonic`: CLOCK_MONOTONIC in ms, the same for all processes of one boot.
   */
  'supervisor.alive': z.object({ bootId: z.string(), monotonic: z.number(), wall: time.exactOptional() }),
  /** The agents that have run since this boot of the machine. */
  'admission.places': z.object({ boot: z.string(), agents: z.array(z.string()) }),
  /** The deaths of each agent; `failed`: why it was given up. */
  'agents.deaths': z.record(
    z.string(),
    z.object({
      failed: z.object({ phase: z.literal('failed'), since: time, detail: z.string() }).nullable(),
      deaths: z.array(time),
      vanished: z.array(time),
    }),
  ),
  /** Alerts that were reported and are not over. */
  'alerts.open': z.array(
    z.object({
      key: z.string(),
      severity: z.enum(['info', 'warning', 'critical']),
      agent: z.string().nullable(),
      text: z.string(),
      since: time,
    }),
  ),
  /** The totals of each agent at the beginning of its day (`2030-01-31`). */
  'health.days': z.record(z.string(), z.object({ day: z.string(), costUsd: z.number(), tokens: z.number() })),
  /** How far the ladder has come with each agent. */
  'health.ladder': z.record(
    z.string(),
    z.object({
      task: z.string().nullable(),
      cause: z.enum([
        ...(['no-progress', 'abandoned', 'hang-api', 'hang-command', 'long-command', 'loop'] as const),
        ...(['memory', 'processes', 'turn'] as const),
      ]),
      since: time,
      rung: z.enum(RUNGS).nullable(),
      at: time,
      newAt: time.nullable().exactOptional(),
    }),
  ),
  /**
   * What holds agents back; `heard`: how many of each wrapper's reports it takes account of; `run`: from one `up` to
   * its `down`.
   */
  holds: z.object({
    accounts: z.record(z.string(), account),
    heard: z.record(z.string(), z.object({ incarnation: z.string(), failures: z.number() })),
    ledger,
    mortality,
    run: z.string(),
  }),
} as const;

export type NoteKey = keyof typeof NOTES;
export type Note<K extends NoteKey> = z.infer<(typeof NOTES)[K]>;

type ReadOnly<T> = T extends object ? { readonly [K in keyof T]: ReadOnly<T[K]> } : T;
/** The type of a note to be stored, which is only read: it may be made of read-only data. */
export type NoteToKeep<K extends NoteKey> = ReadOnly<Note<K>>;

/** Notes, as JSON. One that does not fit its schema counts as absent, and the next one that is stored replaces it. */
export class Notes {
  readonly #db: Database;
  readonly #tellBroken: TellBroken;

  constructor(db: Database, tellBroken: TellBroken = () => undefined) {
    this.#db = db;
    this.#tellBroken = tellBroken;
  }

  get<K extends NoteKey>(key: K): Note<K> | undefined {
    const row = this.#db.get<{ value: string }>('SELECT value FROM kv WHERE key = ?', key);
    if (row === undefined) return undefined;
    try {
      return NOTES[key].parse(JSON.parse(row.value)) as Note<K>;
    } catch (error) {
      this.#tellBroken(key, error);
      return undefined;
    }
  }

  /** Stores a note inside a write. */
  set<K extends NoteKey>(key: K, value: NoteToKeep<K>): void {
    this.#db.run(
      'INSERT INTO kv (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      JSON.stringify(value),
    );
  }
}
