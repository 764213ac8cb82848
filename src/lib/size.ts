import { SwarmError } from '../domain/errors.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/**
 * Parses `100MiB`, `1.5GiB`, `4096`: powers of 1024; `100M` and `100MB` mean the same.
 * @returns whole bytes
 * @throws SwarmError `bad-size` (exit code 2)
 */
export function parseSize(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  if (amount === '') {
    throw new SwarmError('bad-size', `"${text}" is not a size`, { hint: 'Write it as 100MiB or 2GiB.', exitCode: 2 });
  }
  return Math.round(Number(amount) * 1024 ** ' kmgt'.indexOf(unit === '' ? ' ' : unit.toLowerCase()));
}

/** A size for people: `2GiB`, `1.5MiB`, `300B`. */
export function formatSize(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))}${UNITS[power]}`;
}
