import type { EventDocument } from '../../api/events/schemas.ts';
import { entryOf, type Tone } from '../../domain/events.ts';
import { fill } from '../../lib/columns.ts';
import { oneLine, type Output, type Style } from './output.ts';

const STYLES: Readonly<Record<Tone, Style | null>> = {
  bad: 'red',
  attention: 'yellow',
  good: 'green',
  work: 'cyan',
  note: null,
};
/** Longest value that is shown whole, columns. */
const VALUE_COLUMNS = 100;
const TIME_COLUMNS = 12;
const NAME_COLUMNS = 24;

/** One event as one line for people: when, what, whose, and its other data. Pure. */
export function eventLine(event: EventDocument, output: Pick<Output, 'style'>, today: Date): string {
  const style = STYLES[entryOf(event.name)?.tone ?? 'note'];
  const name = fill(oneLine(event.name, 60), NAME_COLUMNS);
  return [
    output.style('dim', when(event.at, today)),
    style === null ? name : output.style(style, name),
    [event.agent, event.task]
      .filter((one) => one !== null)
      .map((one) => oneLine(one, 60))
      .join(' '),
    facts(event, output),
  ]
    .filter((part) => part !== '')
    .join(' ')
    .trimEnd();
}

/** `09:05:01.250`, with the date before it for another day; local time. */
function when(iso: string, today: Date): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return fill(oneLine(iso, 30), TIME_COLUMNS);
  const two = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
  if (at.toDateString() === today.toDateString()) return clock;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`;
}

/** A change of status in words; other data as `name=value`. */
function facts({ name, data }: EventDocument, output: Pick<Output, 'style'>): string {
  const rest = { ...data };
  const lead: string[] = [];
  if (name.startsWith('agent.status.') && typeof rest['from'] === 'string') {
    lead.push(`${rest['from']} → ${name.slice('agent.status.'.length)}`);
    delete rest['from'];
  }
  for (const key of ['reason', 'detail', 'text', 'error', 'title', 'note'] as const) {
    if (typeof rest[key] !== 'string' || rest[key] === '') continue;
    lead.push(rest[key]);
    delete rest[key];
  }
  const others = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([key, value]) => output.style('dim', oneLine(`${key}=${show(value)}`, VALUE_COLUMNS)));
  return [...lead.map((text) => oneLine(text, VALUE_COLUMNS)), ...others].join(' ');
}

function show(value: unknown): string {
  // Sums of cents have digits without meaning.
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
  if (typeof value === 'string') return /\s/.test(value) ? JSON.stringify(value) : value;
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? value.join(',')
    : JSON.stringify(value);
}
