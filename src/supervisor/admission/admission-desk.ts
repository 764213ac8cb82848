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
  /** Why its account does not bear one more agent; null: it does. */
  lack(record: AgentRecord): string | null;
  places: Places;
}

/** How long a look at the machine counts, ms. */
const LOOK_LIFE_MS = 1_000;
const ANSWER_LIFE_MS = 90;
/** How long one start keeps the others waiting, ms: its set-up may take longer. */
const START_PATIENCE_MS = 60_000;
const UNKNOWN: Machine = { memory: null, load: null, disk: null, files: null, ownFiles: null, terminals: null };

/** Decides, by the machine's free resources, when an agent may start. */
export class AdmissionDesk {
  readonly #deps: AdmissionDeps;
  /** Agents that have run since they were last ordered to stop: they keep their place. */
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
    // So that the machine is measured before the first question.
    this.#look();
  }

  /** Null: it may start now, and counts as starting at the next call. No call waits for a look at the machine. */
  ask(record: AgentRecord): StartWait | null {
    const { config, records, now } = this.#deps;
    if (Math.abs(now() - this.#lookedAt) >= LOOK_LIFE_MS) this.#look();
    // A hundred waiting agents, each asking ten times a second, share one answer.
    const known = this.#answer.waits.get(record.id);
    if (known !== undefined && Math.abs(now() - this.#answer.at) < ANSWER_LIFE_MS) return known;
    const applicants = records().flatMap((one) => this.#applicant(one));
    const { atOnce = Math.max(3, 2 * availableParallelism()), ...rules } = config.admission;
    this.#answer = { at: now(), waits: admit(this.#machine, applicants, { ...rules, atOnce }) };
    return this.#answer.waits.get(record.id) ?? null;
  }

  /** Once a second: notes which agents have a place. */
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
        // A connected wrapper lives, although this supervisor has not started it.
        if (record.observed.linked) return of('running');
        // A held agent would keep the turn from the very agent that the others wait for.
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

/** The desk of this project, which measures the machine and the disk of its worktrees. */
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
