import type { AgentStatus } from '../domain/agent.ts';
import type { Crossing } from './limits.ts';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A state that a person wants to hear of as long as it lasts. */
export interface Condition {
  /** The same trouble has the same key, however its words change: it is reported once. */
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
  agents: readonly {
    id: string;
    status: AgentStatus;
    since: string;
    reason: string | null;
    crossings?: readonly Crossing[];
  }[];
  broker: { state: string; since: number; reason: string | null };
  /** Why the present settings file is not in force. */
  refused: string | null;
  /** The holds over more than one agent. */
  shared?: readonly Condition[] | undefined;
  /** Everything is being shut down: that is no trouble, and earlier troubles are over. */
  goingDown?: boolean;
}

/**
 * A status is no news before it has lasted for so long, ms: it may mend itself. An alert that is open already has
 * lasted.
 */
const PATIENCE_MS = { recovering: 60_000, unknown: 30_000, broker: 30_000, 'needs-you': 0, stuck: 0, failed: 0 };

/**
 * The present conditions, from what is known of all agents. Pure.
 * @param open keys of the open alerts
 */
export function conditionsOf(
  { agents, broker, refused, shared = [], goingDown = false }: Observed,
  now: number,
  open: ReadonlySet<string> = new Set(),
): Condition[] {
  if (goingDown) return [];
  const found: Condition[] = [...shared];
  for (const { id, status, since, reason, crossings = [] } of agents) {
    for (const { limit, text } of crossings)
      found.push({ key: `agent.limit.${limit}.${id}`, severity: 'warning', agent: id, text: `${id}: ${text}` });
    const lasted = now - Date.parse(since);
    const about = reason === null ? '' : `: ${reason}`;
    const key = `agent.${status}.${id}`;
    const isOld = (patienceMs: number): boolean => lasted >= patienceMs || open.has(key);
    const add = (severity: Severity, text: string): void => {
      found.push({ key, severity, agent: id, text: `${id} ${text}${about}` });
    };
    if (status === 'failed') add('critical', 'has failed');
    else if (status === 'stuck') add('warning', 'is stuck');
    else if (status === 'needs-you') add('warning', 'needs you');
    else if (status === 'recovering' && isOld(PATIENCE_MS.recovering)) add('warning', 'does not come back');
    else if (status === 'unknown' && isOld(PATIENCE_MS.unknown)) add('warning', 'cannot be judged');
  }
  if (broker.state !== 'up' && (now - broker.since >= PATIENCE_MS.broker || open.has('broker'))) {
    const about = broker.reason === null ? '' : `: ${broker.reason}`;
    found.push({ key: 'broker', severity: 'critical', agent: null, text: `the broker is ${broker.state}${about}` });
  }
  if (refused !== null) {
    const text = `the earlier settings stay in force: ${refused}`;
    found.push({ key: 'config', severity: 'warning', agent: null, text });
  }
  return found;
}

/** An alert is over when its condition has been absent for so long, ms: one that comes and goes is one alert. */
const CALM_MS = 10_000;
/** An alert of the earlier supervisor stays open until this one has had time to see its condition, ms. */
const FIRST_LOOK_MS = 30_000;

interface Entry {
  alert: OpenAlert;
  lastSeen: number;
  calmMs: number;
}

/** The open alerts. A lasting condition is reported once, and its end too. */
export class AlertBook {
  readonly #open: Map<string, Entry>;

  /** @param known alerts that were open when the earlier supervisor last ran */
  constructor(known: readonly OpenAlert[] = [], now = 0) {
    this.#open = new Map(
      known.map((alert) => [alert.key, { alert, lastSeen: now, calmMs: FIRST_LOOK_MS }] satisfies [string, Entry]),
    );
  }

  get open(): OpenAlert[] {
    return [...this.#open.values()].map(({ alert }) => alert);
  }

  get keys(): ReadonlySet<string> {
    return new Set(this.#open.keys());
  }

  /**
   * Compares the open alerts with the present conditions.
   * @param conditions all that hold now
   * @param atOnce an absent condition is over at once, though it may come back
   */
  update(conditions: readonly Condition[], now: number, atOnce = false): AlertChange[] {
    const changes: AlertChange[] = [];
    for (const condition of conditions) {
      const known = this.#open.get(condition.key);
      // Other words for the same trouble are stored and not reported.
      const alert = { ...condition, since: known?.alert.since ?? now };
      this.#open.set(condition.key, { alert, lastSeen: now, calmMs: CALM_MS });
      if (known === undefined) changes.push({ ...alert, state: 'raised', at: now });
    }
    const holding = new Set(conditions.map(({ key }) => key));
    for (const [key, { alert, lastSeen, calmMs }] of this.#open) {
      // A clock that was set back must not keep an alert open for ever.
      const mayComeBack = !atOnce && now >= lastSeen && now - lastSeen < calmMs;
      if (holding.has(key) || mayComeBack) continue;
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
