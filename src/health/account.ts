import { backoffDelay, FULL_JITTER, NO_JITTER } from '../lib/backoff.ts';

/**
 * What agents of one account share: its login, its limits, and the API's health. One failure is news for all of them,
 * and one agent (the probe) finds out for all whether it is over. Pure; times are epoch ms.
 */
export type Trouble = 'auth' | 'rate-limit' | 'overload';

export interface ApiFailure {
  agent: string;
  trouble: Trouble;
  detail: string;
  /** When it ends, where somebody said so. */
  resetAt: number | null;
  at: number;
}

export interface AccountHold {
  kind: Trouble;
  since: number;
  /** From then on one agent may try. */
  until: number;
  /** That time was said by the API: it stays the same, whatever is done to this machine's clock. */
  stated?: boolean;
  detail: string;
  /** Tries that failed in a row, the failure that began it included. */
  tries: number;
  probe: { agent: string; since: number } | null;
  /** Whose turn it is to try, if somebody is preferred: a person asked this one to go on. */
  prefer: string | null;
  /** Who tried last and failed: another one is asked next, lest one bad request be taken for a bad account. */
  last: string | null;
}

export interface Account {
  hold: AccountHold | null;
  /** Overloads within the window while nobody is held: the breaker is closed. */
  failures: readonly number[];
}

export interface AccountRules {
  loginMs: number;
  rateLimitMs: number;
  rateLimitMaxMs: number;
  overload: { failures: number; windowMs: number; waitMs: number; waitMaxMs: number };
}

export const FREE: Account = { hold: null, failures: [] };

/** The StopFailure classes of Claude Code that say something about this agent's request only. */
const OWN_FAULT = new Set(['invalid_request', 'max_output_tokens', 'interrupted']);

/** What a StopFailure says about the account; null: nothing, the request itself was at fault. */
export function troubleOf(error: string): Trouble | null {
  if (OWN_FAULT.has(error)) return null;
  if (error === 'rate_limit') return 'rate-limit';
  // A balance that is used up is mended by a person too, and is back without a word.
  if (error.startsWith('authentication') || error.startsWith('oauth') || error === 'billing_error') return 'auth';
  // server_error, a stream that dropped or stayed silent, no connection, whatever else: it may pass by itself.
  return 'overload';
}

/** A lost login explains everything else, and a stated limit an overload. */
const RANK: Record<Trouble, number> = { auth: 2, 'rate-limit': 1, overload: 0 };
/** An instant of a second earlier than it says must not make the whole fleet run into the limit again. */
const RESET_MARGIN_MS = 500;
const SHORTEST_WAIT_MS = 100;

/** A failure after Claude Code's own retries. @param random uniform in [0, 1) */
export function failed(account: Account, failure: ApiFailure, rules: AccountRules, random: () => number): Account {
  const { hold } = account;
  const { agent, trouble, at } = failure;
  if (hold === null) {
    const failures = trouble === 'overload' ? [...within(account.failures, rules, at), at] : account.failures;
    if (trouble === 'overload' && failures.length < rules.overload.failures) return { hold: null, failures };
    return { hold: begun(failure, 1, at, rules, random), failures };
  }
  const ofProbe = hold.probe?.agent === agent;
  if (RANK[trouble] > RANK[hold.kind]) return { ...account, hold: begun(failure, 1, at, rules, random) };
  if (ofProbe) {
    const tries = trouble === hold.kind ? hold.tries + 1 : 1;
    return { ...account, hold: { ...begun(failure, tries, hold.since, rules, random), last: agent } };
  }
  // One that was under way when the hold began: it may know better how long it lasts, and nothing else.
  const resetAt = trouble === hold.kind ? failure.resetAt : null;
  if (resetAt === null || resetAt <= hold.until) return account;
  return { ...account, hold: { ...hold, until: resetAt + RESET_MARGIN_MS, stated: true, probe: null } };
}

function within(failures: readonly number[], { overload }: AccountRules, now: number): number[] {
  return failures.filter((at) => now - at < overload.windowMs);
}

function begun(
  { trouble, detail, resetAt, at }: ApiFailure,
  tries: number,
  since: number,
  rules: AccountRules,
  random: () => number,
): AccountHold {
  const stated = resetAt !== null && resetAt > at;
  const until = stated ? resetAt + RESET_MARGIN_MS : at + waitOf(trouble, tries, rules, random);
  return { kind: trouble, since, until, stated, detail, tries, probe: null, prefer: null, last: null };
}

function waitOf(trouble: Trouble, tries: number, rules: AccountRules, random: () => number): number {
  switch (trouble) {
    case 'auth':
      return rules.loginMs;
    case 'rate-limit':
      return backoffDelay({ baseMs: rules.rateLimitMs, capMs: rules.rateLimitMaxMs, jitter: NO_JITTER }, tries);
    case 'overload': {
      const backoff = { baseMs: rules.overload.waitMs, capMs: rules.overload.waitMaxMs, jitter: FULL_JITTER };
      return Math.max(SHORTEST_WAIT_MS, backoffDelay(backoff, tries, random));
    }
  }
}

/** The model has answered this agent. What was asked before the hold began says nothing about it. */
export function succeeded(account: Account, agent: string, at: number): Account {
  const { hold } = account;
  if (hold === null) return account;
  return hold.probe?.agent === agent && at >= hold.probe.since ? FREE : account;
}

/** Something has changed that may mend it: it is tried at once. @param agent by this one, because a person said so */
export function hurried(account: Account, now: number, agent: string | null = null): Account {
  const { hold } = account;
  if (hold === null) return account;
  const stated = hold.stated === true && hold.until <= now;
  const until = Math.min(hold.until, now);
  // A probe that waits in its own retries must not keep the one that a person asked for from trying.
  const probe = agent === null || hold.probe?.agent === agent ? hold.probe : null;
  return {
    ...account,
    hold: { ...hold, until, stated, prefer: agent ?? hold.prefer, probe, last: agent === null ? hold.last : null },
  };
}

/**
 * The wall clock has moved by that much, ms, while nobody lived through it. Set back, what is waited for would take as
 * much longer. Forward, it is left: somebody tries early, and the API's own time went on while this machine slept.
 */
export function accountMoved(account: Account, byMs: number): Account {
  if (byMs >= 0) return account;
  const failures = account.failures.map((at) => at + byMs);
  const { hold } = account;
  if (hold === null) return { hold, failures };
  const { since, until, stated = false, probe } = hold;
  const moved = { since: since + byMs, until: stated ? until : until + byMs };
  const trying = probe === null ? null : { ...probe, since: probe.since + byMs };
  return { failures, hold: { ...hold, ...moved, probe: trying } };
}

export interface Prober {
  id: string;
  /** It has something to ask the model now. */
  waiting: boolean;
}

/** A probe that asks nothing for so long, ms, makes room for another. */
const PROBE_PATIENCE_MS = 10_000;

/** Who tries. @param candidates those that could, each with what it has to ask */
export function probing(account: Account, candidates: readonly Prober[], now: number): Account {
  const { hold } = account;
  if (hold === null || now < hold.until) return account;
  const { probe } = hold;
  const holder = candidates.find(({ id }) => id === probe?.agent);
  const others = candidates.filter(({ id }) => id !== probe?.agent);
  const idles = probe !== null && holder?.waiting === false && now - probe.since >= PROBE_PATIENCE_MS;
  if (holder !== undefined && (!idles || others.length === 0)) return account;
  const choice = chosen(others, hold);
  if (choice === null) return probe === null ? account : { ...account, hold: { ...hold, probe: null } };
  return { ...account, hold: { ...hold, probe: { agent: choice, since: now }, prefer: null } };
}

function chosen(candidates: readonly Prober[], { prefer, last, probe }: AccountHold): string | null {
  if (candidates.some(({ id }) => id === prefer)) return prefer;
  const fresh = candidates.filter(({ id }) => id !== last);
  const able = fresh.length > 0 ? fresh : candidates;
  const waiting = able.find((candidate) => candidate.waiting) ?? candidates.find((candidate) => candidate.waiting);
  if (waiting !== undefined) return waiting.id;
  // Round and round, so that a task for one certain agent comes to its turn.
  const after = able.find(({ id }) => probe !== null && id > probe.agent);
  return (after ?? able[0])?.id ?? null;
}
