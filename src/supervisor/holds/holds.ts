import type { Logger } from 'pino';
import type { Config } from '../../config/index.ts';
import type { ModelPermit, HoldKind } from '../../coordination/model-permit.ts';
import type { AgentDesired } from '../../domain/agent.ts';
import {
  accountMoved,
  failed,
  FREE,
  hurried,
  lackOfHeadroom,
  probing,
  resetTime,
  succeeded,
  failureKind,
  type Account,
  type Prober,
  type Condition,
} from '../../health/index.ts';
import type { Store } from '../../store/store.ts';
import { accountOf, accountRules } from './accounts.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import { BudgetDesk } from './budget-desk.ts';
import { Degraded, type DegradedDeps } from './degraded.ts';
import { DeathWatch } from './mass-death.ts';
import type { EventLog } from '../project/event-log.ts';
import { holdBrief, holdConditions, holdWords, massDeathBrief } from './hold-words.ts';
import { HoldsMemory } from './holds-memory.ts';

export interface HoldsDeps extends Omit<DegradedDeps, 'holds' | 'store'> {
  log: Logger;
  events: EventLog;
  store: Store;
  config(): Pick<Config, 'holds' | 'budget' | 'agents' | 'admission'>;
  records(): AgentRecord[];
  desired(record: AgentRecord): AgentDesired;
  /** Sends a permit to a wrapper; one that is away gets it with its welcome. */
  send(agent: string, gate: ModelPermit): void;
  /** A mark that changes when a person has logged in again. */
  credentials(): string;
  now(): number;
  random(): number;
}

/**
 * The holds over more than one agent: by the account that they share, the money of the fleet, deaths of many at once.
 * Wrappers report facts, `src/health` decides, and each wrapper hears whether its agent may ask the model.
 */
export class Holds {
  readonly #deps: HoldsDeps;
  readonly #memory: HoldsMemory;
  readonly #sent = new Map<string, string>();
  /** Until when an agent still waits after a hold is over, so that not all begin at once; epoch ms. */
  readonly #wakeAt = new Map<string, number>();
  readonly #answered = new Map<string, string>();
  #credentials = '';
  readonly budget: BudgetDesk;
  readonly deaths: DeathWatch;
  readonly degraded: Degraded;

  constructor(deps: HoldsDeps) {
    this.#deps = deps;
    const { events, now, config } = deps;
    this.#memory = new HoldsMemory(deps.store, deps.log);
    const { note } = this.#memory;
    this.budget = new BudgetDesk({ note, events, now, budget: () => config().budget });
    this.deaths = new DeathWatch({
      note,
      events,
      now,
      rules: () => config().holds.massDeath,
      staggerMs: () => config().holds.stagger,
      wanted: () => deps.records().filter((record) => deps.desired(record) !== 'stopped'),
    });
    this.degraded = new Degraded({ ...deps, holds: () => this.#briefly() });
    this.#credentials = deps.credentials();
  }

  /** Takes in a wrapper's snapshot. */
  observed(record: AgentRecord): void {
    if (record.row.kind !== 'claude' || record.observed.snapshot === null) return;
    this.deaths.observed(record);
    this.budget.book(record);
    this.#hear(record);
    this.#push();
    this.#memory.keep();
  }

  /** Once a second. */
  tick(): void {
    const { now, credentials } = this.#deps;
    this.degraded.tick();
    this.deaths.tick();
    this.#forgetUnused();
    for (const [name, account] of Object.entries(this.#accounts)) {
      if (account.hold === null) continue;
      if (account.hold.kind === 'auth') {
        const mark = credentials();
        if (mark !== this.#credentials) this.#set(name, hurried(account, now()));
        this.#credentials = mark;
      }
      this.#set(name, probing(this.#account(name), this.#candidates(name), now()));
    }
    this.#push();
    this.#memory.keep();
  }

  /** Moves times after the wall clock has jumped by so much, ms; below zero: it was set back. */
  moveTimes(byMs: number): void {
    for (const [name, account] of Object.entries(this.#accounts)) this.#accounts[name] = accountMoved(account, byMs);
    for (const [id, at] of this.#wakeAt) this.#wakeAt.set(id, at + byMs);
    this.deaths.moveTimes(byMs);
    this.#memory.keep();
  }

  /**
   * A person's `resume`, `restart` or `up`: the agent's hold is tried, or money granted, at once.
   * @returns the grant in words; null: none
   */
  resumedByPerson(record: AgentRecord): string | null {
    const { now } = this.#deps;
    this.deaths.release();
    const granted = this.budget.grant(record.id);
    const name = this.#nameOf(record);
    const account = hurried(this.#account(name), now(), record.id);
    this.#set(name, probing(account, this.#candidates(name), now()));
    this.#push();
    this.#memory.keep();
    return granted;
  }

  /**
   * The present permit for this agent's wrapper; null for one that asks no model, which nothing here would ever let go
   * on again.
   */
  gateOf(record: AgentRecord): ModelPermit | null {
    if (record.row.kind !== 'claude') return null;
    const { hold, stops } = this.#holdOf(record);
    const left = this.budget.leftUsd;
    return {
      hold,
      stops,
      afterMs: Math.max(0, (this.#wakeAt.get(record.id) ?? 0) - this.#deps.now()),
      costLimitUsd: left === null ? null : (record.observed.snapshot?.usage.costUsd ?? 0) + left,
      heard: this.#heard(record),
    };
  }

  /** Why its account does not bear one more agent; null: it does, or no other agent could find out. */
  lack(record: AgentRecord): string | null {
    const { config, now } = this.#deps;
    const name = this.#nameOf(record);
    const others = new Set(this.#candidates(name).map(({ id }) => id));
    if (record.row.kind !== 'claude' || others.size === 0) return null;
    const uses = this.#deps
      .records()
      .filter(({ id }) => others.has(id))
      .flatMap(({ observed }) => observed.snapshot?.api?.limit ?? [])
      .map(({ usedPercent, resetsAt }) => ({ usedPercent, resetsAt: Date.parse(resetsAt) }));
    return lackOfHeadroom(this.#account(name).hold, uses, config().admission.rateLimit, now());
  }

  conditions(): Condition[] {
    const accounts = this.#heldNow().flatMap(([name, { hold }]) => holdConditions(name, hold));
    return [...this.deaths.conditions(), ...this.budget.conditions(), ...accounts];
  }

  /** The holds in a few words each, for the head of `status`. */
  #briefly(): string[] {
    const words: string[] = [];
    const { hold } = this.deaths;
    if (hold !== null) words.push(massDeathBrief(hold));
    if (this.budget.standing?.state === 'spent') words.push('budget spent: no agent asks the model');
    for (const [, { hold }] of this.#heldNow()) if (hold !== null) words.push(`account held: ${holdBrief(hold)}`);
    return words;
  }

  /** The held accounts in use: a hold of an unused account is not shown. */
  #heldNow(): [string, Account][] {
    const used = this.#used();
    return Object.entries(this.#accounts).filter(([name, { hold }]) => hold !== null && used.has(name));
  }

  /** Accounts of all wanted agents, also while the whole swarm goes down: it may come back before a limit ends. */
  #used(): ReadonlySet<string> {
    const wanted = this.#deps.records().filter(({ row }) => row.kind === 'claude' && row.desired !== 'stopped');
    return new Set(wanted.map((record) => this.#nameOf(record)));
  }

  /**
   * Forgets unused accounts when their hold is over: an agent that comes back before still has to wait, and after that
   * no agent would try whether it is over.
   */
  #forgetUnused(): void {
    const used = this.#used();
    for (const [name, { hold }] of Object.entries(this.#accounts)) {
      if (used.has(name) || (hold !== null && this.#deps.now() < hold.until)) continue;
      this.#set(name, FREE);
      delete this.#accounts[name];
    }
  }

  #holdOf(record: AgentRecord): { hold: ModelPermit['hold']; stops: boolean } {
    const say = (kind: HoldKind, until: number | null, detail: string, stops: boolean) => ({
      hold: { kind, until: until === null ? null : new Date(until).toISOString(), detail },
      stops,
    });
    const { hold: death } = this.deaths;
    if (this.budget.standing?.state === 'spent') return say('budget', null, 'the budget of all agents is spent', true);
    if (death !== null && death.probe?.agent !== record.id) {
      return say('mass-death', death.probe === null ? death.until : null, death.detail, false);
    }
    const { hold } = this.#account(this.#nameOf(record));
    if (hold === null || hold.probe?.agent === record.id) return { hold: null, stops: false };
    // A turn under way that succeeds while others wait may go on; with a lost login none can.
    return say(hold.kind, hold.probe === null ? hold.until : null, holdWords(hold), hold.kind === 'auth');
  }

  #hear(record: AgentRecord): void {
    const { snapshot } = record.observed;
    const api = snapshot?.api;
    if (snapshot === null || api === undefined) return;
    const name = this.#nameOf(record);
    const { heard } = this.#memory.note;
    const known = heard[record.id];
    const before = known?.incarnation === snapshot.incarnation ? known.failures : 0;
    heard[record.id] = { incarnation: snapshot.incarnation, failures: api.failures };
    if (api.failures > before && api.failed !== null) this.#failed(record.id, name, api.failed, api.resetsAt);
    const answeredAt = api.answeredAt;
    if (answeredAt === null || this.#answered.get(record.id) === answeredAt) return;
    this.#answered.set(record.id, answeredAt);
    this.#set(name, succeeded(this.#account(name), record.id, Date.parse(answeredAt)));
  }

  #failed(
    agent: string,
    name: string,
    { error, details }: { error: string; details: string | null },
    resetsAt: string | null,
  ): void {
    const { config, now, random } = this.#deps;
    const kind = failureKind(error);
    if (kind === null) return;
    const at = now();
    const stated = resetTime(details, at) ?? (resetsAt === null ? null : Date.parse(resetsAt));
    const resetAt = kind === 'rate-limit' ? stated : null;
    const detail = details === null ? error : details;
    const failure = { agent, kind, detail, resetAt, at };
    this.#set(name, failed(this.#account(name), failure, accountRules(config()), random));
  }

  #candidates(name: string): Prober[] {
    const { records, desired } = this.#deps;
    const able = records().filter((record) => {
      const { row } = record;
      const { snapshot, linked } = record.observed;
      const mayWork =
        snapshot !== null && !snapshot.paused && snapshot.failure === null && snapshot.needsYou.length === 0;
      return row.kind === 'claude' && linked && mayWork && desired(record) === 'up' && this.#nameOf(record) === name;
    });
    return able.map(({ id, observed: { snapshot } }) => ({
      id,
      waiting: (snapshot?.tasks.length ?? 0) > 0 || snapshot?.turn === 'busy',
    }));
  }

  /** The one place where an account changes; begins and ends of holds become events. */
  #set(name: string, account: Account): void {
    const { events } = this.#deps;
    const before = this.#account(name).hold;
    const { hold } = account;
    this.#accounts[name] = account;
    if (hold !== null && (before === null || before.kind !== hold.kind)) {
      const until = new Date(hold.until).toISOString();
      events.emit('account.held', { data: { account: name, kind: hold.kind, detail: hold.detail, until } });
    }
    if (hold?.probe !== undefined && hold.probe !== null && hold.probe.agent !== before?.probe?.agent)
      events.emit('account.probe', { agent: hold.probe.agent, data: { account: name, kind: hold.kind } });
    if (hold === null && before !== null) {
      events.emit('account.free', { data: { account: name, kind: before.kind } });
      this.#wake(name, before.probe?.agent ?? null);
    }
  }

  /** Lets agents go on one after the other, those with a request first. */
  #wake(name: string, probe: string | null): void {
    const { now, config } = this.#deps;
    const others = this.#candidates(name).filter(({ id }) => id !== probe);
    const order = others.toSorted((a, b) => Number(b.waiting) - Number(a.waiting));
    for (const [i, { id }] of order.entries()) this.#wakeAt.set(id, now() + (i + 1) * config().holds.stagger);
  }

  #push(): void {
    for (const record of this.#deps.records()) {
      const gate = this.gateOf(record);
      if (gate === null || !record.observed.linked) continue;
      // The time that is left of a known wait is no news.
      const mark = JSON.stringify([
        record.observed.snapshot?.incarnation,
        record.observed.linkSince,
        { ...gate, afterMs: gate.afterMs > 0 },
      ]);
      if (this.#sent.get(record.id) === mark) continue;
      this.#sent.set(record.id, mark);
      this.#deps.send(record.id, gate);
    }
  }

  #heard({ id, observed: { snapshot } }: AgentRecord): number {
    const known = this.#memory.note.heard[id];
    return known !== undefined && known.incarnation === snapshot?.incarnation ? known.failures : 0;
  }

  get #accounts(): Record<string, Account> {
    return this.#memory.note.accounts;
  }

  #account(name: string): Account {
    return this.#accounts[name] ?? FREE;
  }

  #nameOf({ row }: AgentRecord): string {
    return accountOf(this.#deps.config().agents[row.role]?.command ?? []);
  }
}
