import { existsSync } from 'node:fs';
import path from 'node:path';
import { styleText } from 'node:util';
import { SwarmError, errorText, toErrorDocument } from '../../domain/errors.ts';
import { oneLine, width } from '../../lib/columns.ts';
import { plain } from '../../lib/text.ts';

export { oneLine, plain, width };

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

export interface OutputOptions {
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** One document on stdout and nothing else there. */
  json: boolean;
  /** Errors are printed with their stack. */
  debug: boolean;
  /** The name by which the person called swarm, for suggested commands. */
  command: string;
}

/** All output of swarm: results on stdout, progress and errors on stderr. */
export class Output {
  readonly json: boolean;
  readonly debug: boolean;
  readonly command: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;

  constructor(options: OutputOptions) {
    this.stdout = options.stdout;
    this.stderr = options.stderr;
    this.json = options.json;
    this.debug = options.debug;
    this.command = options.command;
  }

  get isTerminal(): boolean {
    return this.stdout.isTTY;
  }

  /** Columns of the terminal; without one there is no limit. */
  get columns(): number {
    return this.isTerminal ? this.stdout.columns : Number.POSITIVE_INFINITY;
  }

  /** A line of the result, for people. Silent with --json. */
  line(text = ''): void {
    if (!this.json) this.stdout.write(`${text}\n`);
  }

  /** The result, for programs. Silent without --json. */
  document(value: unknown): void {
    if (this.json) this.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Progress and remarks, for people. Silent with --json. */
  note(text: string): void {
    if (!this.json) this.stderr.write(`${this.#suggest(text)}\n`);
  }

  /** One or two lines on stderr, or the error document on stdout. */
  error(error: unknown): void {
    const stack = this.debug && error instanceof Error ? `${stackOf(error)}\n` : '';
    if (this.json) {
      this.stdout.write(`${JSON.stringify(toErrorDocument(error))}\n`);
      this.stderr.write(stack);
      return;
    }
    const hint = error instanceof SwarmError && error.hint !== undefined ? `${this.#suggest(plain(error.hint))}\n` : '';
    const label = this.#style('red', 'error:', this.stderr);
    this.stderr.write(`${label} ${this.#suggest(plain(errorText(error)))}\n${hint}${stack}`);
  }

  /** Coloured on a terminal that wants colour (NO_COLOR, FORCE_COLOR and TERM are heeded). */
  style(style: Style, text: string): string {
    return this.#style(style, text, this.stdout);
  }

  #style(style: Style, text: string, stream: NodeJS.WriteStream): string {
    return styleText(style, text, { stream });
  }

  /** Texts contain commands as `swarm …`; they are shown as this person would type them. */
  #suggest(text: string): string {
    return this.command === 'swarm' ? text : text.replaceAll('`swarm ', `\`${this.command} `);
  }
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}

export type Cell = string | { text: string; style: Style };

/** The command as a person types it: a path on PATH becomes its name. Pure but for a look at the files. */
export function shortCommand(command: string, searchPath: string): string {
  const name = path.basename(command);
  if (!path.isAbsolute(command)) return command;
  const first = searchPath
    .split(path.delimiter)
    .find((directory) => directory !== '' && existsSync(path.join(directory, name)));
  return first !== undefined && path.resolve(first) === path.dirname(command) ? name : command;
}

/** Columns of the last cell of a table that are shown however narrow the terminal is. */
const MIN_LAST_COLUMN = 20;

/**
 * A table: columns as wide as their widest cell; the last one is not padded, and on a terminal cut where the line ends.
 */
export function table(output: Output, header: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const all: (readonly Cell[])[] = [header.map((text) => ({ text, style: 'dim' as const })), ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => width(textOf(row[column])))));
  const room = Math.max(
    MIN_LAST_COLUMN,
    output.columns - widths.slice(0, -1).reduce((sum, columns) => sum + columns + 2, 0),
  );
  const cell = (row: readonly Cell[], column: number): string => {
    const given = row[column] ?? '';
    if (column < header.length - 1) return pad(output, given, widths[column] ?? 0);
    const text = oneLine(textOf(given), room);
    return typeof given === 'string' ? text : output.style(given.style, text);
  };
  return all.map((row) =>
    row
      .map((_, column) => cell(row, column))
      .join('  ')
      .trimEnd(),
  );
}

function textOf(cell: Cell | undefined): string {
  return cell === undefined ? '' : typeof cell === 'string' ? cell : cell.text;
}

function pad(output: Output, cell: Cell, columns: number): string {
  const text = textOf(cell);
  const space = ' '.repeat(Math.max(0, columns - width(text)));
  return (typeof cell === 'string' ? text : output.style(cell.style, text)) + space;
}
