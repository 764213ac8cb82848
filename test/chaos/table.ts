import os from 'node:os';
import { percentile } from '../bench/lib.ts';

/** One strike, and how long it took until work flowed again, ms. */
export interface Recovery {
  kind: string;
  ms: number;
}

export function table(recoveries: readonly Recovery[]): string {
  const kinds = [...new Set(recoveries.map(({ kind }) => kind))].toSorted();
  const rows = kinds.map((kind) =>
    row(
      kind,
      recoveries.filter((recovery) => recovery.kind === kind),
    ),
  );
  const header = ['strike', 'count', 'flows again, p50', 'p95', 'worst'];
  const all = [header, ...rows, row('all', recoveries)];
  const widths = header.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const lines = all.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [...lines, `load ${os.loadavg()[0]?.toFixed(1)} on ${os.availableParallelism()} processors`].join('\n');
}

function row(kind: string, recoveries: readonly Recovery[]): string[] {
  const taken = recoveries.map(({ ms }) => ms);
  return [kind, String(taken.length), ...[0.5, 0.95, 1].map((p) => seconds(percentile(taken, p)))];
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
