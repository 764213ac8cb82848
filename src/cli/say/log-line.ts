import { plain, type Output, type Style } from './output.ts';

const LEVELS: Record<number, { name: string; style: Style }> = {
  10: { name: 'trace', style: 'dim' },
  20: { name: 'debug', style: 'dim' },
  30: { name: 'info', style: 'green' },
  40: { name: 'warn', style: 'yellow' },
  50: { name: 'error', style: 'red' },
  60: { name: 'fatal', style: 'red' },
};

/** One JSON line of a log for people; any other line unchanged. */
export function prettyLine(line: string, output: Pick<Output, 'style'>): string {
  const entry = parse(line);
  if (entry === null) return plain(line);
  const { level, time, msg, err, pid: _pid, hostname: _host, v: _v, ...facts } = entry;
  const known = LEVELS[Number(level)] ?? { name: text(level ?? ''), style: 'dim' as const };
  const parts = [
    output.style('dim', clock(time)),
    output.style(known.style, known.name.padEnd(5)),
    plain(text(msg ?? '')),
    ...Object.entries(facts).map(([name, value]) => output.style('dim', `${name}=${show(value)}`)),
    ...(isError(err) ? [output.style('red', plain(String(err.message)))] : []),
  ];
  const stack =
    isError(err) && Number(level) >= 50 && typeof err.stack === 'string' ? `\n${indent(plain(err.stack))}` : '';
  return parts.filter((part) => part !== '').join(' ') + stack;
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // Cut off by a crash in the middle of the line: shown unchanged.
    return null;
  }
}

/** Local time of day with milliseconds; with the date when it is not today. */
function clock(time: unknown): string {
  const at = new Date(typeof time === 'number' || typeof time === 'string' ? time : Number.NaN);
  if (Number.isNaN(at.getTime())) return text(time ?? '');
  const two = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  const hours = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
  const today = at.toDateString() === new Date().toDateString();
  return today ? hours : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${hours}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function show(value: unknown): string {
  return plain(typeof value === 'string' && /\s/.test(value) ? JSON.stringify(value) : text(value));
}

function isError(value: unknown): value is { message: unknown; stack?: unknown } {
  return value !== null && typeof value === 'object' && 'message' in value;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
