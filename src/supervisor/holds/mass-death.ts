import type { Config } from '../../config/index.ts';
import {
  died,
  massDeath,
  mortalityMoved,
  NOBODY_DIED,
  proving,
  type Condition,
  type MassDeathHold,
  type MassDeathRules,
} from '../../health/index.ts';
import type { AgentRecord, WrittenBy } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { HoldsNote } from './holds-memory.ts';

export interface DeathWatchDeps {
  note: HoldsNote;
  rules(): Config['holds']['massDeath'];
  staggerMs(): number;
  /** The agents that should run. */
  wanted(): readonly WrittenBy<'holds'>[];
  events: EventLog;
  now(): number;
}

/** A wrapper without a sign for so long counts as silent, ms; it is replaced after much longer. */
const SILENT_MS = 8_000;

/** Notices when agents die together, and keeps them from being started again together. */
export class DeathWatch {
  readonly #deps: DeathWatchDeps;
  readonly #exits = new Map<string, string>();
  readonly #startAt = new Map<string, number>();
  #silentSince: number | null = null;
  #silent = '';

  constructor(deps: DeathWatchDeps) {
    this.#deps = deps;
  }

  get hold(): MassDeathHold | null {
    return this.#deps.note.mortality.hold;
  }

  /** A wrapper, or its whole session, is gone. */
  gone(record: AgentRecord, detail: string, explained: boolean): void {
    this.#count(record, detail, explained);
  }

  /** Counts a death of the agent's own program, which its wrapper reports in its snapshot. */
  observed(record: AgentRecord): void {
    const { snapshot } = record.observed;
    const exit = snapshot?.lastExit ?? null;
    if (snapshot === null || exit === null) return;
    const mark = `${snapshot.incarnation} ${exit.at}`;
    const before = this.#exits.get(record.id);
    this.#exits.set(record.id, mark);
    // A death before the first snapshot is no news; a person's /exit is no death.
    const fresh = before !== undefined || Date.parse(exit.at) > this.#deps.now() - SILENT_MS;
    if (mark !== before && fresh && exit.code !== 0) this.#count(record, `its program ended (${exit.detail})`, false);
  }

  #count(record: AgentRecord, detail: string, explained: boolean): void {
    const { note, wanted, events, now } = this.#deps;
    const before = note.mortality;
    const death = { agent: record.id, at: now(), detail, explained };
    const total = wanted().filter((other) => other === record || canStart(other)).length;
    note.mortality = died(before, death, total, this.#rules());
    if (before.hold === null && note.mortality.hold !== null)
      events.emit('swarm.mass-death', { data: { detail: note.mortality.hold.detail } });
    this.#mark();
  }

  tick(): void {
    const { note, wanted, now } = this.#deps;
    const agents = wanted().map((record) => ({ id: record.id, able: canStart(record), upSince: upSince(record) }));
    const before = note.mortality;
    note.mortality = proving(before, agents, now(), this.#rules());
    if (before.hold !== null && note.mortality.hold === null) {
      const lives = agents.some(({ able }) => able);
      this.#released(
        lives ? 'the agent that was started as a trial lives' : 'no agent is left that could be started as a trial',
      );
    }
    if (this.#silentSince !== null && !this.#manySilent()) this.#silentSince = null;
    this.#mark();
  }

  /** Moves times after the wall clock has jumped by so much, ms. */
  moveTimes(byMs: number): void {
    const { note } = this.#deps;
    note.mortality = mortalityMoved(note.mortality, byMs);
    for (const [id, at] of this.#startAt) this.#startAt.set(id, at + byMs);
    if (this.#silentSince !== null) this.#silentSince += byMs;
    this.#mark();
  }

  /** Ends the hold, as a person ordered. False: there was none. */
  release(): boolean {
    const { note } = this.#deps;
    if (note.mortality.hold === null) return false;
    note.mortality = NOBODY_DIED;
    this.#released('a person said so');
    return true;
  }

  #released(why: string): void {
    const { wanted, staggerMs, events, now } = this.#deps;
    events.emit('swarm.mass-death-over', { data: { why } });
    const missing = wanted().filter(({ lifecycle }) => lifecycle.phase !== 'up');
    for (const [i, { id }] of missing.entries()) this.#startAt.set(id, now() + i * staggerMs());
    this.#mark();
  }

  /** True while many agents are silent at once: the cause is not in them, and nothing is done to them. */
  doubtful(): boolean {
    if (!this.#manySilent()) return false;
    this.#silentSince ??= this.#deps.now();
    return true;
  }

  #manySilent(): boolean {
    const { wanted, now } = this.#deps;
    const silent = wanted().filter(
      ({ observed: { linked, pane, silentSince } }) =>
        !linked && pane?.dead === false && now() - silentSince > SILENT_MS,
    );
    const total = wanted().filter((record) => silent.includes(record) || canStart(record)).length;
    this.#silent = `${silent.length} of ${total} wrappers do not answer, though they live`;
    return massDeath(silent.length, total);
  }

  /** Sets for each agent whether it may be started now. */
  #mark(): void {
    const { wanted, now } = this.#deps;
    const { hold } = this;
    for (const record of wanted()) {
      const at = this.#startAt.get(record.id) ?? 0;
      if (at <= now()) this.#startAt.delete(record.id);
      const held = hold !== null && hold.probe?.agent !== record.id;
      record.startHold = held
        ? { detail: `mass-death: ${hold.detail}`, until: hold.probe === null ? hold.until : null }
        : at > now()
          ? { detail: 'mass-death: agents are started one after the other', until: at }
          : null;
    }
  }

  conditions(): Condition[] {
    const { hold } = this;
    const found: Condition[] = [];
    if (hold !== null) {
      const text = `${hold.detail}. Only one agent is started again, as a trial; \`swarm resume AGENT\` lets all go on`;
      found.push({ key: 'mass-death', severity: 'critical', agent: null, text });
    }
    if (this.#silentSince !== null) {
      const text = `${this.#silent}: none of them is touched. Suspected: the runtime directory, or the machine`;
      found.push({ key: 'mass-silence', severity: 'critical', agent: null, text });
    }
    return found;
  }

  #rules(): MassDeathRules {
    const { within, repeats, window, wait, waitMax, alive } = this.#deps.rules();
    return { withinMs: within, repeats, windowMs: window, waitMs: wait, waitMaxMs: waitMax, aliveMs: alive };
  }
}

/** Since when its wrapper is linked and its agent lives, epoch ms; null: not now. */
function upSince({ lifecycle, observed: { linked, linkSince, snapshot } }: AgentRecord): number | null {
  return linked && lifecycle.phase === 'up' && snapshot?.turn !== 'gone' ? linkSince : null;
}

/** False: the agent waits for a person, so that it counts neither among the living nor as a probe. */
function canStart({ lifecycle, observed }: AgentRecord): boolean {
  const { snapshot } = observed;
  return lifecycle.phase !== 'failed' && lifecycle.phase !== 'blocked' && (snapshot?.failure ?? null) === null;
}
