import { closeSync, openSync, writeSync } from 'node:fs';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { pause, systemClock } from '../../lib/clock.ts';
import { runTmux, type TmuxAddress } from '../../tmux/index.ts';

const FRAME_MS = 250;

/** A recording in asciinema's format (asciicast v2): a head, then one JSON line per output with its time in seconds. */
export class Tape implements Disposable {
  readonly #file: number;
  readonly #beganAt = performance.now();

  private constructor(file: number) {
    this.#file = file;
  }

  /** Begins a recording. @throws SwarmError `no-record-file` */
  static start(file: string, { columns, rows }: { columns: number; rows: number }): Tape {
    const tape = new Tape(create(file));
    const timestamp = Math.floor(Date.now() / 1000);
    tape.#put({ version: 2, width: columns, height: rows, timestamp, title: 'swarm demo' });
    return tape;
  }

  write(text: string): void {
    const seconds = Math.round(performance.now() - this.#beganAt) / 1000;
    this.#put([seconds, 'o', text.replaceAll(/\r?\n/g, '\r\n')]);
  }

  #put(value: unknown): void {
    writeSync(this.#file, `${JSON.stringify(value)}\n`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

function create(file: string): number {
  try {
    return openSync(file, 'w', 0o600);
  } catch (cause) {
    throw new SwarmError('no-record-file', `--record ${file} cannot be written: ${errorText(cause)}`, {
      hint: 'Name a file in a directory of yours.',
      cause,
      exitCode: 2,
    });
  }
}

interface PaneFrame {
  left: number;
  top: number;
  lines: string[];
}

/** Records all panes of a tmux window until the signal: whole pictures, one after each change. */
export async function recordWindow(address: TmuxAddress, tape: Tape, signal: AbortSignal): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    // A pane has just closed: the next picture shows the window without it.
    const frame = await windowFrame(address).catch(() => null);
    if (frame !== null && frame !== last) tape.write(frame);
    last = frame ?? last;
    await pause(systemClock, FRAME_MS, signal);
  }
}

async function windowFrame(address: TmuxAddress): Promise<string> {
  const format = '#{pane_id} #{pane_left} #{pane_top} #{window_width}';
  const rows = (await runTmux(address, ['list-panes', '-F', format])).trim().split('\n');
  const panes: PaneFrame[] = [];
  let columns = 0;
  for (const row of rows) {
    const [id = '', left, top, width] = row.split(' ');
    const text = await runTmux(address, ['capture-pane', '-e', '-p', '-t', id]);
    panes.push({ left: Number(left), top: Number(top), lines: text.trimEnd().split('\n') });
    columns = Number(width);
  }
  return composeFrame(panes, columns);
}

/** The window as one picture that a terminal can draw: each pane at its place, and the line between two of them. Pure. */
export function composeFrame(panes: readonly PaneFrame[], columns: number): string {
  const at = (row: number, column: number): string => `\u001B[${row + 1};${column + 1}H`;
  const borders = panes.filter(({ top }) => top > 0).map(({ top }) => `${at(top - 1, 0)}${'─'.repeat(columns)}`);
  const lines = panes.flatMap(({ left, top, lines: own }) =>
    own.map((line, row) => `${at(top + row, left)}${line}\u001B[0m`),
  );
  return `\u001B[0m\u001B[2J${[...borders, ...lines].join('')}`;
}
