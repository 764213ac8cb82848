import { backoffDelay, FULL_JITTER, NO_JITTER } from '../lib/backoff.ts';

/**
 * What agents of one account share: its login, its limits, and the API's health. One failure is news for all of them,
 * and one agent (the probe) finds out for all whether it is over. Pure; times are epoch ms.
 */
export type FailureKind = 'auth' | 'rate-limit' | 'overload';

export interface ApiFailure {
  agent: string;
  kind: FailureKind;
  detail: string;
  /** When the limit ends, where the API has said so. */
  resetAt: number | null;
  at: number;
}

export interface AccountHold {
  kind: FailureKind;
  since: number;
  /** From this time on one agent may try. */
  until: number;
  /** The API has named that time: it stays the same, whatever happens to this machine's clock. */
  stated?: boolean;
  detail: string;
  /** Tries that failed in a row, with the failure that began the hold. */
  tries: number;
  probe: { agent: string; since: number } | null;
  /** The agent that is to try next, if any is preferred: a person asked it to go on. */
  prefer: string | null;
  /** The agent whose try failed last: another one tries next, lest one bad request be taken for a bad account. */
  last: string | null;
}

export interface Account {
  hold: AccountHold | null;
  /** Overloads within the window while there is no hold: the breaker is closed. */
  failures: readonly number[];
}

export interface AccountRules {
  loginMs: number;
  rateLimitMs: number;
  rateLimitMaxMs: number;
  overload: { failures: number; windowMs: number; waitMs: number; waitMaxMs: number };
}

export const FREE: Account = { hold: null, failures: [] };

/** Classes of StopFailure of Claude Code that concern only this agent's request. */
const OWN_FAULT = new Set(['invalid_request', 'max_output_tokens', 'interrupted']);

/** What a StopFailure says of the account; null: nothing, the request itself was at fault. */
export function failureKind(error: string): FailureKind | null {
  if (OWN_FAULT.has(error)) return null;
  if (error === 'rate_limit') return 'rate-limit';
  // A used-up balance, too, is mended by a person, and is back without a sign.
  if (error.startsWith('authentication') || error.startsWith('oauth') || error === 'billing_error') return 'auth';
  // server_error, a stream that dropped or stayed silent, no connection, any other: it may pass by itself.
  return 'overload';
}

/**
 * A failure of a higher rank explains one of a lower: a lost login explains every failure, a stated limit an overload.
 */
const RANK: Record<FailureKind, number> = { auth: 2, 'rate-limit': 1, overload: 0 };
/** A reset that comes a moment later than stated must not make the whole fleet run into the limit again. */
const RESET_MARGIN_MS = 500;
const SHORTEST_WAIT_MS = 100;

/** Takes in a failure after Claude Code's own retries. @param random uniform in [0, 1) */
export function failed(account: Account, failure: ApiFailure, rules: AccountRules, random: () => number): Account {
  const { hold } = account;
  const { agent, kind, at } = failure;
  if (hold === null) {
    const failures = kind === 'overload' ? [...within(account.failures, rules, at), at] : account.failures;
    if (kind === 'overload' && failures.length < rules.overload.failures) return { hold: null, failures };
    return { hold: begun(failure, 1, at, rules, random), failures };
  }
  const ofProbe = hold.probe?.agent === agent;
  if (RANK[kind] > RANK[hold.kind]) return { ...account, hold: begun(failure, 1, at, rules, random) };
  if (ofProbe) {
    const tries = kind === hold.kind ? hold.tries + 1 : 1;
    return { ...account, hold: { ...begun(failure, tries, hold.since, rules, random), last: agent } };
  }
  // The request was under way when the hold began: its failure can only tell better how long the hold lasts.
  const resetAt = kind === hold.kind ? failure.resetAt : null;
  if (resetAt === null || resetAt <= hold.until) return account;
  return { ...account, hold: { ...hold, until: resetAt + RESET_MARGIN_MS, stated: true, probe: null } };
}

function within(failures: readonly number[], { overload }: AccountRules, now: number): number[] {
  return failures.filter((at) => now - at < overload.windowMs);
}

function begun(
  { kind, detail, resetAt, at }: ApiFailure,
  tries: number,
  since: number,
  rules: AccountRules,
  random: () => number,
): AccountHold {
  const stated = resetAt !== null && resetAt > at;
  const until = stated ? resetAt + RESET_MARGIN_MS : at + waitOf(kind, tries, rules, random);
  return { kind, since, until, stated, detail, tries, probe: null, prefer: null, last: null };
}

function waitOf(kind: FailureKind, tries: number, rules: AccountRules, random: () => number): number {
  switch (kind) {
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

/** Takes in that the model has answered this agent. A request from before the hold says nothing about it. */
export function succeeded(account: Account, agent: string, at: number): Account {
  const { hold } = account;
  if (hold === null) return account;
  return hold.probe?.agent === agent && at >= hold.probe.since ? FREE : account;
}

/**
 * Makes the next try come at once: a change may have mended it.
 * @param agent the one that tries, because a person asked for it
 */
export function hurried(account: Account, now: number, agent: string | null = null): Account {
  const { hold } = account;
  if (hold === null) return account;
  const stated = hold.stated === true && hold.until <= now;
  const until = Math.min(hold.until, now);
  // A probe that waits in Claude Code's retries must not keep the agent that a person named from trying.
  const probe = agent === null || hold.probe?.agent === agent ? hold.probe : null;
  return {
    ...account,
    hold: { ...hold, until, stated, prefer: agent ?? hold.prefer, probe, last: agent === null ? hold.last : null },
  };
}

/**
 * Takes in that the wall clock has jumped by so much, ms. After a jump back, waits would last longer by as much, so
 * their ends are moved. After a jump forward nothing is moved: an agent tries early, and the API's own time went on
 * while this machine slept.
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
  /** The agent has a request for the model now. */
  waiting: boolean;
}

/** A probe that asks nothing for so long makes room for another, ms. */
const PROBE_PATIENCE_MS = 10_000;

/** Chooses the agent that tries. @param candidates those that could, each with whether it has a request */
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
  // In turn, so that each agent that has a task comes to try.
  const after = able.find(({ id }) => probe !== null && id > probe.agent);
  return (after ?? able[0])?.id ?? null;
}
