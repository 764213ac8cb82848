import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { endProcessesOf } from '../support/processes.ts';
import { until, type BenchPlace } from './place.ts';

const run = promisify(execFile);
const READY_TIMEOUT_MS = 120_000;

/**
 * The variables with which swarm starts Claude Code after `--trust`, so that it asks nothing (see
 * src/claude/launch.ts).
 */
const RECIPE_ENVIRONMENT = {
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
  CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN: '1',
  CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY: '1',
  DISABLE_AUTOUPDATER: '1',
  CLAUDE_CODE_SANDBOXED: '1',
};

/**
 * The least that `up` must do: `count` times `git worktree add` in a row, then as many bare Claude Codes at once in a
 * tmux of their own, until the SessionStart hook of each has fired. Everything is ended and removed again, outside of
 * the measured time.
 * @returns milliseconds
 */
export async function bareAgents(place: BenchPlace, count: number): Promise<number> {
  const { environment, repository } = place;
  const directory = path.join(environment.directory, 'bare');
  await mkdir(directory);
  const names = Array.from({ length: count }, (_, at) => `bare-${at + 1}`);
  const commands = await Promise.all(names.map((name) => prepare(directory, name)));
  const socket = path.join(directory, 'tmux.sock');
  const env = { ...environment.variables, ...RECIPE_ENVIRONMENT };
  const tmux = (...args: string[]): Promise<unknown> =>
    run('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env });
  const startedAt = performance.now();
  try {
    for (const name of names) await repository.git('worktree', 'add', '-q', '--detach', path.join(directory, name));
    await tmux(...commands.flat().slice(0, -1));
    await until(
      'SessionStart of each',
      READY_TIMEOUT_MS,
      () => (names.every((name) => existsSync(markOf(directory, name))) ? true : null),
      2,
    );
    return performance.now() - startedAt;
  } finally {
    await tmux('kill-server');
    await endProcessesOf(directory);
    for (const name of names) await repository.git('worktree', 'remove', '--force', path.join(directory, name));
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Starts a bare Claude Code in `worktree`, with a prompt, in a tmux of its own, and waits until it asks the API for its
 * first turn.
 * @returns milliseconds
 */
export async function bareTurn(place: BenchPlace, worktree: string): Promise<number> {
  const directory = path.join(place.environment.directory, 'bare');
  await mkdir(directory);
  const [command, prompt] = [await prepare(directory, 'bare', worktree), `begin ${randomUUID()}`];
  const env = { ...place.environment.variables, ...RECIPE_ENVIRONMENT };
  const tmux = (...args: string[]): Promise<unknown> =>
    run('tmux', ['-S', path.join(directory, 'tmux.sock'), '-f', '/dev/null', ...args], { env });
  const startedAt = Date.now();
  try {
    await tmux(...command.slice(0, -1), prompt);
    const at = await until('request', READY_TIMEOUT_MS, () => {
      return place.api.turns().find((turn) => turn.prompt.includes(prompt))?.at ?? null;
    });
    return Date.parse(at) - startedAt;
  } finally {
    await tmux('kill-server');
    await endProcessesOf(directory);
    await rm(directory, { recursive: true, force: true });
  }
}

function markOf(directory: string, name: string): string {
  return path.join(directory, `${name}.session-start`);
}

/** One tmux command, with the `;` that separates it from the next. */
async function prepare(directory: string, name: string, worktree = path.join(directory, name)): Promise<string[]> {
  const settings = path.join(directory, `${name}.settings.json`);
  const start = { type: 'command', command: `touch '${markOf(directory, name)}'`, timeout: 10 };
  await writeFile(settings, JSON.stringify({ hooks: { SessionStart: [{ hooks: [start] }] } }));
  const claude = [
    'claude',
    '--session-id',
    randomUUID(),
    '--permission-mode',
    'acceptEdits',
    '--settings',
    settings,
    '--strict-mcp-config',
  ];
  return ['new-session', '-d', '-s', name, '-x', '200', '-y', '50', '-c', worktree, ...claude, ';'];
}
