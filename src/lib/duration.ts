import { SwarmError } from '../domain/errors.ts';

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];
const PATTERN =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/**
 * Parses `30m`, `1h30m`, `500ms`, `1.5h`, `2d`: largest unit first, each once.
 * @returns whole milliseconds
 * @throws SwarmError `bad-duration` (exit code 2)
 */
export function parseDuration(text: string): number {
  const compact = text.replaceAll(/\s+/g, '').toLowerCase();
  const match = compact === '' ? null : PATTERN.exec(compact);
  if (match === null) {
    throw new SwarmError('bad-duration', `"${text}" is not a duration`, {
      hint: 'Write it as 30m, 1h30m, 45s or 500ms.',
      exitCode: 2,
    });
  }
  return Math.round(UNITS.reduce((sum, [, ms], index) => sum + Number(match[index + 1] ?? 0) * ms, 0));
}

/**
 * A duration for people: the two largest units (`1h30m`, `2d4h`, `12s`); below ten seconds with a decimal (`1.5s`),
 * below one in `ms`. Negative ones are written with a sign.
 */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 9950) return `${Number((ms / 1000).toFixed(1))}s`;
  const whole = Math.round(ms / 1000) * 1000;
  const first = UNITS.findIndex(([, size]) => whole >= size);
  let left = whole;
  let text = '';
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    if (count > 0) text += `${count}${unit}`;
    left -= count * size;
  }
  return text;
}
