/** A pane as `list-panes` reports it. */
export interface PaneRow {
  /** `%3`: an address for as long as the server lives, never reused by it. */
  readonly pane: string;
  /** `$1` */
  readonly sessionId: string;
  readonly session: string;
  /** Pid of the program with which the pane was started. tmux 3.8 tells it only while the terminal is open. */
  readonly pid: number | null;
  /** No process holds the pane's terminal open any more. */
  readonly dead: boolean;
  readonly deadStatus: number | null;
  readonly deadSignal: number | null;
  /** Clients that look at its session. */
  readonly clients: number;
  /** The pane's own user options, by name with the `@`; unset ones are absent. */
  readonly options: Readonly<Record<string, string>>;
}

export interface ClientRow {
  session: string;
  tty: string;
  /** Last key or resize, seconds since the epoch. */
  activity: number;
}

const PANE_FIELDS = [
  'pane_id',
  'session_id',
  'session_name',
  'pane_pid',
  'pane_dead',
  'pane_dead_status',
  'pane_dead_signal',
  'session_attached',
];
/** Contains no value that a program in a pane can set: with a name of its own it could forge fields and rows. */
export function paneFormat(options: readonly string[]): string {
  return [...PANE_FIELDS, ...options].map((name) => `#{${name}}`).join('\t');
}

/** Parses the output of `list-panes`, most of which is the same from one time to the next. */
export class PaneReader {
  readonly #options: readonly string[];
  #lines: readonly string[] = [];
  #rows: readonly PaneRow[] = [];

  /** @param options names of the user options that `paneFormat` was given */
  constructor(options: readonly string[]) {
    this.#options = options;
  }

  /** A line that equals the one in its place before gives the very same row. */
  read(lines: readonly string[]): readonly PaneRow[] {
    const rows = lines.map((line, at) => {
      const known = line === this.#lines[at] ? this.#rows[at] : undefined;
      return known ?? parsePane(line, this.#options);
    });
    this.#lines = lines;
    this.#rows = rows;
    return rows;
  }
}

function parsePane(line: string, options: readonly string[]): PaneRow {
  const fields = line.split('\t');
  const [pane = '', sessionId = '', session = '', pid, dead, status, signal, clients] = fields;
  const values = fields.slice(PANE_FIELDS.length);
  const set = options.map((name, index) => [name, values[index] ?? ''] as const).filter(([, value]) => value !== '');
  return {
    pane,
    sessionId,
    session,
    pid: numberOrNull(pid),
    // tmux 3.7 and newer call a pane dead when they have waited for its program too; 3.8 tells by a missing pid that the
    // terminal is closed.
    dead: dead === '1' || pid === '',
    deadStatus: numberOrNull(status),
    deadSignal: numberOrNull(signal),
    clients: Number(clients),
    options: Object.fromEntries(set),
  };
}

/** Dead, without a known ending: see `listPanes`. */
export function endingUnknown(row: PaneRow): boolean {
  return row.dead && row.deadStatus === null && row.deadSignal === null;
}

export const CLIENT_FORMAT = '#{client_control_mode}\t#{client_session}\t#{client_activity}\t#{client_tty}';

/** People's clients; those in control mode are programs. */
export function parseClients(lines: readonly string[]): ClientRow[] {
  return lines.flatMap((line) => {
    const [control, session = '', activity, tty = ''] = line.split('\t');
    return control === '0' ? [{ session, tty, activity: Number(activity) }] : [];
  });
}

function numberOrNull(text: string | undefined): number | null {
  return text === undefined || text === '' ? null : Number(text);
}
