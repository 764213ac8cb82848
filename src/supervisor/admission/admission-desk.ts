import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../../config/index.ts';
import { readMachine, type Machine } from '../../process/index.ts';
import type { Store } from '../../store/store.ts';
import { admit, type Applicant } from './admission.ts';
import type { StartWait } from '../fleet/fleet-dependencies.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { storedPlaces, type Places } from './past-agents.ts';
import type { Project } from '../project/project.ts';

export interface AdmissionDeps {
  log: Logger;
  config: Pick<Config, 'admission'>;
  now(): number;
  look(): Promise<Machine>;
  records(): readonly AgentRecord[];
  wanted(record: AgentRecord): boolean;
  /** What its account lacks for one more agent; null: nothing. */
  lack(record: AgentRecord): string | null;
  places: Places;
}

/** A look at the machine counts for so long, ms. */
const LOOK_LIFE_MS = 1_000;
const ANSWER_LIFE_MS = 90;
/** One whose set-up takes its time does not keep the others waiting for ever, ms. */
const START_PATIENCE_MS = 60_000;
const UNKNOWN: Machine = { memory: null, load: null, disk: null, files: null, ownFiles: null, terminals: null };

/** Asks the machine before an agent starts. */
export class AdmissionDesk {
  readonly #deps: AdmissionDeps;
  /** Who has run since he was last told to stop, and has his place. */
  readonly #places: Set<string>;
  #kept: string;
  #machine: Machine = UNKNOWN;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking = false;
  #answer: { at: number; waits: ReadonlyMap<string, StartWait> } = { at: Number.NEGATIVE_INFINITY, waits: new Map() };

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
    this.#places = new Set(deps.places.read());
    this.#kept = this.#noted();
    // So that something is known before anybody asks.
    this.#look();
  }

  /** Null: it may start now, and has begun to when the next one asks. Nobody waits for a look at the machine. */
  ask(record: AgentRecord): StartWait | null {
    const { config, records, now } = this.#deps;
    if (Math.abs(now() - this.#lookedAt) >= LOOK_LIFE_MS) this.#look();
    // A hundred that wait, and ask ten times a second, get one answer.
    const known = this.#answer.waits.get(record.id);
    if (known !== undefined && Math.abs(now() - this.#answer.at) < ANSWER_LIFE_MS) return known;
    const applicants = records().flatMap((one) => this.#applicant(one));
    const { atOnce = Math.max(3, 2 * availableParallelism()), ...rules } = config.admission;
    this.#answer = { at: now(), waits: admit(this.#machine, applicants, { ...rules, atOnce }) };
    return this.#answer.waits.get(record.id) ?? null;
  }

  /** Once a second: whose place is whose. */
  tick(): void {
    const { records, wanted } = this.#deps;
    const here = records().filter((record) => wanted(record));
    const ids = new Set(here.map(({ id }) => id));
    for (const id of this.#places) if (!ids.has(id)) this.#places.delete(id);
    for (const { id, observed } of here) if (observed.linked) this.#places.add(id);
    const noted = this.#noted();
    if (noted !== this.#kept) this.#deps.places.keep([...this.#places].sort());
    this.#kept = noted;
  }

  #noted(): string {
    return [...this.#places].sort().join(' ');
  }

  #applicant(record: AgentRecord): Applicant[] {
    if (!this.#deps.wanted(record)) return [];
    const { id, row, lifecycle, startHold } = record;
    const of = (state: Applicant['state']): Applicant[] => [
      { id, kind: row.kind, state, lack: state === 'new' ? this.#deps.lack(record) : null },
    ];
    switch (lifecycle.phase) {
      case 'failed':
      case 'blocked':
      case 'stopping':
        return [];
      case 'preparing':
      case 'starting':
        return of(this.#young(record) ? 'starting' : 'running');
      case 'up':
        return of(record.verdict.status === 'starting' && this.#young(record) ? 'starting' : 'running');
      case 'recovering':
        return of('running');
      case 'none':
      case 'waiting':
      case 'due':
      case 'backoff':
        if (record.step.busy) return of('starting');
        if (lifecycle.phase === 'backoff' && this.#deps.now() < lifecycle.until) return [];
        // Whoever is connected lives, although nobody here has started it.
        if (record.observed.linked) return of('running');
        // It would keep its turn from the very one that the others wait for.
        if (startHold !== null) return [];
        return of(this.#places.has(id) ? 'back' : 'new');
    }
  }

  #young({ lifecycle }: AgentRecord): boolean {
    return Math.abs(this.#deps.now() - lifecycle.since) < START_PATIENCE_MS;
  }

  #look(): void {
    if (this.#looking) return;
    const { log, look, now } = this.#deps;
    this.#looking = true;
    look()
      .then((machine) => void (this.#machine = machine))
      .catch((error: unknown) => {
        this.#machine = UNKNOWN;
        log.warn({ err: error }, 'the machine could not be looked at');
      })
      .finally(() => {
        this.#lookedAt = now();
        this.#looking = false;
      });
  }
}

/** The desk of this project: who starts here takes of the machine that its worktrees lie on. */
export function openAdmission(
  { log, project, store }: { log: Logger; project: Project; store: Store },
  fleet: Fleet,
  holds: { lack(record: AgentRecord): string | null },
): AdmissionDesk {
  const { config, layout } = project;
  return new AdmissionDesk({
    log,
    config,
    now: () => Date.now(),
    look: () => readMachine(layout.worktreesDir),
    records: () => fleet.records,
    wanted: (record) => fleet.desired(record) !== 'stopped',
    lack: (record) => holds.lack(record),
    places: storedPlaces({ store, log }),
  });
}
