/** A pane as `list-panes` tells it. */
export interface PaneRow {
  /** `%3`: an address for as long as the server lives, never reused by it. */
  pane: string;
  /** `$1` */
  sessionId: string;
  session: string;
  /** Of the program that the pane was started with. */
  pid: number;
  /** Nothing holds the pane's terminal open any more. */
  dead: boolean;
  deadStatus: number | null;
  deadSignal: number | null;
  /** Clients that look at its session. */
  clients: number;
  /** The pane's own user options, by name with the `@`; unset ones are absent. */
  options: Record<string, string>;
  /** Program in the foreground. A label. */
  command: string;
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
/** A program can put anything into its name: what is no plain character is replaced, or it could forge fields and rows. */
const COMMAND = '#{s/[^ -~]/?/:pane_current_command}';

export function paneFormat(options: readonly string[]): string {
  return [...[...PANE_FIELDS, ...options].map((name) => `#{${name}}`), COMMAND].join('\t');
}

export function parsePanes(lines: readonly string[], options: readonly string[]): PaneRow[] {
  return lines.map((line) => {
    const fields = line.split('\t');
    const [pane = '', sessionId = '', session = '', pid, dead, status, signal, clients] = fields;
    const values = fields.slice(PANE_FIELDS.length, PANE_FIELDS.length + options.length);
    const set = options.map((name, index) => [name, values[index] ?? ''] as const).filter(([, value]) => value !== '');
    return {
      pane,
      sessionId,
      session,
      pid: Number(pid),
      dead: dead === '1',
      deadStatus: numberOrNull(status),
      deadSignal: numberOrNull(signal),
      clients: Number(clients),
      options: Object.fromEntries(set),
      command: fields.slice(PANE_FIELDS.length + options.length).join(' '),
    };
  });
}

/** Dead, and tmux does not know how: see `listPanes`. */
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
