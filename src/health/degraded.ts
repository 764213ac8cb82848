import type { ProbeError } from './facts.ts';

export interface Parts {
  /** `since`: epoch ms, of the present state. */
  broker: { state: string; since: number; reason: string | null };
  /** Set while tmux cannot be asked. */
  tmux: ProbeError | null;
  /** Set while the store refuses to write; epoch ms. */
  store: { since: number; message: string } | null;
  /** The holds over more than one agent, each in a few words. */
  holds: readonly string[];
}

/** States on the way up, which are no trouble yet. */
const ON_ITS_WAY = new Set(['up', 'starting', 'installing']);

/** The parts of swarm that do not work now, each in one line; empty when all is well. Pure. */
export function degradedOf({ broker, tmux, store, holds }: Parts): string[] {
  const found: string[] = [];
  const since = (at: number): string => `since ${new Date(at).toISOString()}`;
  if (!ON_ITS_WAY.has(broker.state)) {
    const about = broker.reason === null ? '' : `: ${broker.reason}`;
    found.push(`broker ${broker.state} ${since(broker.since)}${about}`);
  }
  if (tmux !== null) found.push(`${tmux.probe} cannot be asked ${since(tmux.since)}: ${tmux.message}`);
  if (store !== null) found.push(`store cannot write ${since(store.since)}: ${store.message}`);
  return [...found, ...holds];
}
