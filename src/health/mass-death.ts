import { backoffDelay, NO_JITTER } from '../lib/backoff.ts';

/** Fewer deaths than this are coincidence. */
const FEWEST = 3;

/**
 * Whether so many deaths at once have a cause that is in no single agent (the machine, the tmux server, an update, a
 * login): restarting each agent makes it worse.
 * @param dead how many died within one interval
 * @param total how many lived at its beginning
 */
export function massDeath(dead: number, total: number): boolean {
  return dead >= FEWEST && dead * 2 >= total;
}

export interface MassDeathRules {
  withinMs: number;
  /** Number of explained mass deaths within `windowMs` that are simply mended. */
  repeats: number;
  windowMs: number;
  waitMs: number;
  waitMaxMs: number;
  aliveMs: number;
}

export interface Death {
  agent: string;
  at: number;
  detail: string;
  /** The session went together with the tmux server: that says nothing about the agent. */
  explained: boolean;
}

export interface MassDeathHold {
  since: number;
  detail: string;
  /** From this time on one agent is started as a trial. */
  until: number;
  tries: number;
  probe: { agent: string; since: number } | null;
  /** The agent that was started as a trial last: the next one is tried first. Absent in older notes. */
  last?: string | null;
}

/**
 * The breaker over the deaths of a whole fleet.
 *
 * One end of the tmux server takes every agent with it, and is explained: server and agents are started again within
 * moments, as after any single death, for that is what people rely on. Only when it comes again and again (`repeats`
 * within `windowMs`) something ends every agent that is started, and the fleet is held.
 *
 * Deaths that nothing explains (half of the agents, and three at least, within `withinMs`) hold the fleet at once: no
 * agent is started again but one, the probe, first after `waitMs`, and later each time that it dies too. The next trial
 * takes the next agent, lest the breaker use up one agent's restarts. When a probe has lived for `aliveMs` the others
 * follow, one after the other. A person's `resume` ends the hold, and it also ends when no agent is left that could be
 * started.
 */
export interface Mortality {
  deaths: readonly Death[];
  /** When an explained mass death began. */
  episodes: readonly number[];
  hold: MassDeathHold | null;
}

export const NOBODY_DIED: Mortality = { deaths: [], episodes: [], hold: null };

/** Takes in a death. @param total how many agents should be running */
export function died(before: Mortality, death: Death, total: number, rules: MassDeathRules): Mortality {
  const { hold } = before;
  const { at } = death;
  if (hold !== null)
    return hold.probe?.agent === death.agent ? { ...before, hold: failedProbe(hold, death, rules) } : before;
  const deaths = [...before.deaths.filter((other) => at - other.at < rules.withinMs), death];
  if (!massDeath(new Set(deaths.map(({ agent }) => agent)).size, total)) return { ...before, deaths };
  const known = before.episodes.filter((other) => at - other < rules.windowMs);
  const unexplained = deaths.filter((one) => !one.explained);
  if (!massDeath(new Set(unexplained.map(({ agent }) => agent)).size, total)) {
    // Late deaths of one episode are not another episode.
    const isNew = known.every((other) => at - other >= rules.withinMs);
    const episodes = isNew ? [...known, at] : known;
    if (episodes.length <= rules.repeats) return { deaths, episodes, hold: null };
    const minutes = Math.round(rules.windowMs / 60_000);
    const detail = `the tmux server ended ${episodes.length} times within ${minutes} min; something on this machine ends it`;
    return { deaths: [], episodes: [], hold: begun(detail, at, rules) };
  }
  return { deaths: [], episodes: known, hold: begun(describe(unexplained, total), at, rules) };
}

function describe(deaths: readonly Death[], total: number): string {
  const names = [...new Set(deaths.map(({ agent }) => agent))];
  const some = names.length > 5 ? `${names.slice(0, 5).join(', ')}, …` : names.join(', ');
  const last = deaths.at(-1)?.detail ?? 'unknown';
  return `${names.length} of ${total} agents died at once (${some}; last: ${last}); suspected: the machine, memory, or an update of their program`;
}

function begun(detail: string, at: number, { waitMs }: MassDeathRules): MassDeathHold {
  return { since: at, detail, until: at + waitMs, tries: 1, probe: null };
}

function failedProbe(hold: MassDeathHold, { at }: Death, { waitMs, waitMaxMs }: MassDeathRules): MassDeathHold {
  const wait = backoffDelay({ baseMs: waitMs, capMs: waitMaxMs, jitter: NO_JITTER }, hold.tries + 1);
  return { ...hold, until: at + wait, tries: hold.tries + 1, probe: null, last: hold.probe?.agent ?? null };
}

/** A probe that is not up so long after it may start makes room for another, ms: it may wait for memory, or hang. */
const PROBE_PATIENCE_MS = 60_000;

/** Takes in that the wall clock has jumped by so much, ms: waits last as long as planned. */
export function mortalityMoved({ deaths, episodes, hold }: Mortality, byMs: number): Mortality {
  return {
    deaths: deaths.map((death) => ({ ...death, at: death.at + byMs })),
    episodes: episodes.map((at) => at + byMs),
    hold: hold && {
      ...hold,
      since: hold.since + byMs,
      until: hold.until + byMs,
      probe: hold.probe && { ...hold.probe, since: hold.probe.since + byMs },
    },
  };
}

export interface Survivor {
  id: string;
  /** False: it is not started before a person has acted, so that it is no trial. */
  able: boolean;
  /** Epoch ms since when it has been up without a break; null: it is not up. */
  upSince: number | null;
}

/**
 * Chooses the agent that is started as a trial, and ends the hold when the trial has succeeded.
 * @param agents those that should be running
 */
export function proving(before: Mortality, agents: readonly Survivor[], now: number, rules: MassDeathRules): Mortality {
  const { hold } = before;
  if (hold === null || now < hold.until) return before;
  const { probe } = hold;
  const holder = agents.find(({ id, able }) => able && id === probe?.agent);
  if (probe !== null && holder !== undefined) {
    const { upSince } = holder;
    if (upSince === null && now - probe.since < PROBE_PATIENCE_MS) return before;
    if (upSince !== null)
      return now - Math.max(upSince, probe.since) >= rules.aliveMs ? { ...before, hold: null } : before;
  }
  const last = probe?.agent ?? hold.last ?? null;
  const choice = nextProbe(agents, last);
  return { ...before, hold: choice === null ? null : { ...hold, probe: { agent: choice, since: now }, last } };
}

/** The next agent in turn, those first that are not up; null: none can be started. */
function nextProbe(agents: readonly Survivor[], last: string | null): string | null {
  const after = agents.findIndex(({ id }) => id === last) + 1;
  const able = [...agents.slice(after), ...agents.slice(0, after)].filter((agent) => agent.able);
  return (able.find(({ upSince }) => upSince === null) ?? able[0])?.id ?? null;
}
