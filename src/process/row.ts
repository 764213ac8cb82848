/** One process at one moment, as the kernel reports it. */
export interface ProcessRow {
  pid: number;
  ppid: number;
  pgrp: number;
  session: number;
  /** R S D Z T t X I …; the first letter of `ps`'s stat. */
  state: string;
  /** False for a zombie: it runs nothing and cannot be ended, only reaped. */
  alive: boolean;
  /** Linux: clock ticks after boot. Elsewhere: the start's date. With pid and boot id it is the identity. */
  startTime: string;
  /** User and system time of the process itself, ms. */
  cpuMs: number;
  /** The same of children for which it has waited, ms. */
  childCpuMs: number;
  rssBytes: number;
  /** Device number or name of the controlling terminal; null: none. */
  tty: string | null;
  /** Name of the program, at most 15 characters on Linux. A label, never an identity. */
  command: string;
}

export interface KernelUnits {
  ticksPerSecond: number;
  pageBytes: number;
}

const DEAD = new Set(['Z', 'X', 'x']);

/**
 * Parses /proc/PID/stat, see proc(5). The name stands in parentheses and may itself hold spaces, parentheses and line
 * feeds, so the fields are counted from the last `)`. Null when the text is no such line.
 */
export function parseProcStat(text: string, units: KernelUnits): ProcessRow | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open === -1 || close < open) return null;
  const fields = text.slice(close + 2).split(' ');
  const pid = Number.parseInt(text, 10);
  const startTime = fields[19];
  const state = fields[0];
  if (!Number.isInteger(pid) || state === undefined || startTime === undefined) return null;
  const number = (index: number): number => Number(fields[index] ?? 0);
  const msPerTick = 1000 / units.ticksPerSecond;
  const tty = number(4);
  return {
    pid,
    ppid: number(1),
    pgrp: number(2),
    session: number(3),
    state,
    // A leader whose first thread has ended shows Z while its other threads run on.
    alive: !DEAD.has(state) || number(17) > 1,
    startTime,
    cpuMs: (number(11) + number(12)) * msPerTick,
    childCpuMs: (number(13) + number(14)) * msPerTick,
    rssBytes: number(21) * units.pageBytes,
    tty: tty === 0 ? null : String(tty),
    command: text.slice(open + 1, close),
  };
}

/** Columns for systems without /proc. `lstart` is five words; the command comes last because it may hold spaces. */
export const PS_COLUMNS = 'pid=,ppid=,pgid=,rss=,time=,tty=,stat=,lstart=,comm=';
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/;

/** Output of `ps -axo PS_COLUMNS`. There is no portable column for the session: the group stands in for it. */
export function parsePs(text: string): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const line of text.split('\n')) {
    const match = PS_LINE.exec(line);
    if (match === null) continue;
    const [, pid, ppid, pgid, rss, time, tty, stat, started, command] = match as unknown as string[];
    const state = stat?.[0] ?? '?';
    rows.push({
      pid: Number(pid),
      ppid: Number(ppid),
      pgrp: Number(pgid),
      session: Number(pgid),
      state,
      alive: !DEAD.has(state),
      startTime: (started ?? '').replaceAll(/\s+/g, ' '),
      cpuMs: parsePsTime(time ?? ''),
      childCpuMs: 0,
      rssBytes: Number(rss) * 1024,
      tty: tty === undefined || /^\?+$|^-$/.test(tty) ? null : tty,
      command: command ?? '',
    });
  }
  return rows;
}

/** `[days-]hours:minutes:seconds` of procps, `minutes:seconds.hundredths` of BSD; ms. */
function parsePsTime(text: string): number {
  const [clock = '', days = '0'] = text.split('-').toReversed();
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return Math.round((Number(days) * 86_400 + seconds) * 1000);
}
