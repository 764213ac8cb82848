import type { Agent } from '../domain/agent.ts';
import type { Crossing } from './limits.ts';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something that a person would want to hear of for as long as it is so. */
export interface Condition {
  /** The same trouble has the same key, however its words change: it is told once. */
  key: string;
  severity: Severity;
  agent: string | null;
  text: string;
}

export interface OpenAlert extends Condition {
  /** Epoch ms. */
  since: number;
}

export interface AlertChange extends OpenAlert {
  state: 'raised' | 'recovered';
  at: number;
}

export interface Observed {
  agents: readonly (Pick<Agent, 'id' | 'status' | 'since' | 'reason'> & { crossings?: readonly Crossing[] })[];
  broker: { state: string; since: number; reason: string | null };
  /** Why the settings as they stand in the file do not count. */
  refused: string | null;
  /** What holds more than one agent. */
  shared?: readonly Condition[] | undefined;
}

/** A status that mends itself within this time is no news, ms. */
const PATIENCE_MS = { recovering: 60_000, unknown: 30_000, broker: 30_000, 'needs-you': 0, stuck: 0, failed: 0 };

/** What is wrong now, from what is known of all. Pure. */
export function conditionsOf({ agents, broker, refused, shared = [] }: Observed, now: number): Condition[] {
  const found: Condition[] = [...shared];
  for (const { id, status, since, reason, crossings = [] } of agents) {
    for (const { limit, text } of crossings)
      found.push({ key: `agent.limit.${limit}.${id}`, severity: 'warning', agent: id, text: `${id}: ${text}` });
    const lasted = now - Date.parse(since);
    const about = reason === null ? '' : `: ${reason}`;
    const add = (severity: Severity, text: string): void => {
      found.push({ key: `agent.${status}.${id}`, severity, agent: id, text: `${id} ${text}${about}` });
    };
    if (status === 'failed') add('critical', 'has failed');
    else if (status === 'stuck') add('warning', 'is stuck');
    else if (status === 'needs-you') add('warning', 'needs you');
    else if (status === 'recovering' && lasted >= PATIENCE_MS.recovering) add('warning', 'does not come back');
    else if (status === 'unknown' && lasted >= PATIENCE_MS.unknown) add('warning', 'cannot be judged');
  }
  if (broker.state !== 'up' && now - broker.since >= PATIENCE_MS.broker) {
    const about = broker.reason === null ? '' : `: ${broker.reason}`;
    found.push({ key: 'broker', severity: 'critical', agent: null, text: `the broker is ${broker.state}${about}` });
  }
  if (refused !== null) {
    const text = `the settings of before count: ${refused}`;
    found.push({ key: 'config', severity: 'warning', agent: null, text });
  }
  return found;
}

/** A condition that comes and goes is one alert until it has been away for so long, ms. */
const CALM_MS = 10_000;

/** Which alerts are open. What stays is told once, and its end as well. */
export class AlertBook {
  readonly #open = new Map<string, { alert: OpenAlert; lastSeen: number }>();

  get open(): OpenAlert[] {
    return [...this.#open.values()].map(({ alert }) => alert);
  }

  /** @param conditions all that hold now */
  update(conditions: readonly Condition[], now: number): AlertChange[] {
    const changes: AlertChange[] = [];
    for (const condition of conditions) {
      const known = this.#open.get(condition.key);
      // Other words for the same trouble are kept and not told.
      const alert = { ...condition, since: known?.alert.since ?? now };
      this.#open.set(condition.key, { alert, lastSeen: now });
      if (known === undefined) changes.push({ ...alert, state: 'raised', at: now });
    }
    const holding = new Set(conditions.map(({ key }) => key));
    for (const [key, { alert, lastSeen }] of this.#open) {
      // A clock that was set back must not keep it open for ever.
      if (holding.has(key) || (now >= lastSeen && now - lastSeen < CALM_MS)) continue;
      this.#open.delete(key);
      changes.push({ ...alert, state: 'recovered', at: now });
    }
    return changes;
  }
}

/** Whether `severity` is at least `least`. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
