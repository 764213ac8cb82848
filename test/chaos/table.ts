import os from 'node:os';

/** One strike, and how long it took until work flowed again, ms. */
export interface Recovery {
  kind: string;
  ms: number;
}

export function table(recoveries: readonly Recovery[]): string {
  const kinds = [...new Set(recoveries.map(({ kind }) => kind))].toSorted();
  const rows = kinds.map((kind) => {
    const taken = recoveries.filter((recovery) => recovery.kind === kind).map(({ ms }) => ms);
    taken.sort((a, b) => a - b);
    const middle = (taken.length - 1) / 2;
    const median = ((taken[Math.floor(middle)] ?? 0) + (taken[Math.ceil(middle)] ?? 0)) / 2;
    return [kind, String(taken.length), seconds(median), seconds(taken.at(-1) ?? 0)];
  });
  const header = ['strike', 'count', 'flows again, median', 'worst'];
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [...lines, `load ${os.loadavg()[0]?.toFixed(1)} on ${os.availableParallelism()} processors`].join('\n');
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
