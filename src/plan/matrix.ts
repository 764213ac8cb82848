import type { PlanTask } from './schema.ts';

export interface Combination {
  /** `[cart]`, `[cart,de]`; empty without a matrix. */
  suffix: string;
  values: ReadonlyMap<string, string>;
}

type Matrix = PlanTask['matrix'];

/** Number of combinations. It may be far beyond what could be listed. */
export function sizeOf(matrix: Matrix): number {
  return Object.values(matrix ?? {}).reduce((product, values) => product * values.length, 1);
}

/** Each combination of the matrix, the last name changing first. */
export function combinations(matrix: Matrix): Combination[] {
  let rows: [string, string][][] = [[]];
  for (const [name, values] of Object.entries(matrix ?? {}))
    rows = rows.flatMap((row) => values.map((value): [string, string][] => [...row, [name, String(value)]]));
  return rows.map((row) => ({
    suffix: row.length === 0 ? '' : `[${row.map(([, value]) => value).join(',')}]`,
    values: new Map(row),
  }));
}
