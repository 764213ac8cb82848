/** Numbers that the same seed gives again, so that a run can be tried once more. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  pick<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
}

/** mulberry32: small, and good enough to choose victims. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  const pick = <T>(list: readonly T[]): T => {
    const picked = list[between(0, list.length - 1)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  };
  const shuffled = <T>(list: readonly T[]): T[] => {
    const rest = [...list];
    const out: T[] = [];
    while (rest.length > 0) out.push(...rest.splice(between(0, rest.length - 1), 1));
    return out;
  };
  return { next, between, pick, shuffled };
}

/** The seed of this run: SWARM_CHAOS_SEED where given, else a new one; it is printed with each run. */
export function seedOfRun(): number {
  const given = Number(process.env['SWARM_CHAOS_SEED'] ?? Number.NaN);
  return Number.isSafeInteger(given) ? given : Math.floor(Math.random() * 1_000_000);
}

/** How many strikes: SWARM_CHAOS_KILLS counts those of the whole suite; `share` of them falls to one file. */
export function strikesOfRun(share: number): number {
  const usual = process.env['SWARM_TEST_LONG'] === '1' ? 200 : 20;
  return Math.max(1, Math.round(Number(process.env['SWARM_CHAOS_KILLS'] ?? usual) * share));
}
