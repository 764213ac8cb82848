import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentKind } from '../../domain/agent.ts';
import { isRunning } from '../../lib/running.ts';
import { runTmux, type TmuxAddress } from '../../tmux/index.ts';
import type { Context } from '../project/context.ts';
import { canBePainted, giveTerminal } from '../screen/terminal.ts';
import type { DemoPlace } from './place.ts';
import type { Step } from './stage.ts';

export const LEAST_COLUMNS = 80;
export const LEAST_ROWS = 24;
/** Least and most rows of the narration; the dashboard gets the rest. */
const NARRATION_ROWS = { least: 8, most: 20, share: 0.36 };
const WATCH_MS = 250;

/** How the demonstration ended, written by the narrator. */
export interface Outcome {
  kind: AgentKind;
  tasks: unknown[];
  steps: Step[];
  /** Null: it came to its end. */
  error: { code: string; message: string; hint: string | null } | null;
  interrupted: boolean;
}

const outcomeFile = ({ directory }: DemoPlace): string => path.join(directory, 'outcome.json');
const pidFile = ({ directory }: DemoPlace): string => path.join(directory, 'narrator.pid');

/** Address of the demonstration's own tmux server, which is not that of its agents. */
export function screenAddress({ directory }: Pick<DemoPlace, 'directory'>): TmuxAddress {
  return { program: 'tmux', socket: path.join(directory, 'screen.sock') };
}

/** True when the dashboard fits on the person's terminal together with the narration. */
export function fitsScreen(context: Context): boolean {
  const { columns, rows } = context.output.stdout;
  return canBePainted(context) && columns >= LEAST_COLUMNS && rows >= LEAST_ROWS;
}

/** Rows of the dashboard above the narration, on a terminal of `rows` rows. Pure. */
export function dashboardRows(rows: number): number {
  const { least, most, share } = NARRATION_ROWS;
  return rows - 1 - Math.min(most, Math.max(least, Math.floor(rows * share)));
}

/** No keys but the narration's, no status line; the server ends with the terminal that shows it. */
const SETTINGS = [
  'set -g status off',
  'set -g prefix None',
  'set -g mouse off',
  'set -s escape-time 0',
  'set -g default-terminal screen-256color',
  'set -g pane-border-style fg=colour240',
  'set -g pane-active-border-style fg=colour240',
  'set -g destroy-unattached on',
];

/**
 * Runs the narrator in a tmux of the demonstration's own on the person's terminal, until it ends in any way.
 * @returns null when tmux cannot use this terminal, and nothing has begun
 */
export async function performOnScreen(
  context: Context,
  place: DemoPlace,
  record: string | null,
): Promise<Outcome | null> {
  const { signal } = context.interrupt;
  const address = screenAddress(place);
  const conf = path.join(place.directory, 'screen.conf');
  await writeFile(conf, `${SETTINGS.join('\n')}\n`);
  const narrator = [process.execPath, process.argv[1] ?? '', '__demo', 'narrate', place.directory];
  const program = [...narrator, ...(record === null ? [] : [record])];
  const end = (): void => {
    // An error means that it has ended, as wanted.
    void runTmux(address, ['kill-server']).catch(() => undefined);
  };
  // tmux may miss the end of a pane's program, and would show the dashboard alone for ever.
  const watch = setInterval(() => {
    if (!narratorLives(place)) end();
  }, WATCH_MS);
  signal.addEventListener('abort', end, { once: true });
  try {
    const started = [address.program, '-u', '-S', address.socket, '-f', conf, 'new-session', '-s', 'demo'];
    await giveTerminal([...started, '-c', place.repository, ...program], place.env);
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', end);
  }
  if (!existsSync(pidFile(place)) && !signal.aborted) return null;
  // Removes tmux's message that it has ended, which is of no use to the person.
  context.output.stdout.write('\u001B[1A\u001B[2K');
  return readOutcome(place);
}

/** Whether the narrator lives; true before it has begun, too. */
function narratorLives(place: DemoPlace): boolean {
  if (!existsSync(pidFile(place))) return true;
  const pid = Number(readFileSync(pidFile(place), 'utf8'));
  // The file is created, and not written yet.
  return pid === 0 || isRunning(pid);
}

function readOutcome(place: DemoPlace): Outcome {
  const none: Outcome = { kind: place.kind, tasks: [], steps: [], error: null, interrupted: true };
  return existsSync(outcomeFile(place)) ? (JSON.parse(readFileSync(outcomeFile(place), 'utf8')) as Outcome) : none;
}

/** The narrator reports that it has begun. */
export async function enterScreen(place: DemoPlace): Promise<void> {
  await writeFile(pidFile(place), String(process.pid));
}

/** Opens the real dashboard above the narration. @param rows rows of the whole terminal */
export async function openDashboardAbove(place: DemoPlace, rows: number): Promise<void> {
  const size = ['-l', String(dashboardRows(rows)), '-c', place.repository];
  const dash = [process.execPath, process.argv[1] ?? '', 'dash'];
  await runTmux(screenAddress(place), ['split-window', '-v', '-b', '-d', ...size, ...dash]);
}

/** Writes how it ended, as the narrator's last act; its tmux ends with it. */
export async function leaveScreen(place: DemoPlace, outcome: Outcome): Promise<void> {
  await writeFile(outcomeFile(place), JSON.stringify(outcome), { mode: 0o600 });
  await runTmux(screenAddress(place), ['kill-server']).catch(() => undefined); // With the terminal it went before us.
}
