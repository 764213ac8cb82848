// oxlint-disable-next-line no-restricted-imports -- the kernel interface is synchronous: nothing else runs meanwhile
import { spawnSync } from 'node:child_process';
import { SwarmError } from '../domain/errors.ts';
import type { Kernel } from './kernel-types.ts';
import { parsePs, PS_COLUMNS } from './row.ts';

/**
 * The facts by `ps`. One call costs about 20 ms whatever its question, so callers scan once per tick and never per pid.
 */
export function psKernel(): Kernel {
  let boot: string | undefined;
  return {
    bootId: () => (boot ??= readBoot()),
    row: (pid) => parsePs(ps(['-o', PS_COLUMNS, '-p', String(pid)], [0, 1]))[0] ?? null,
    rows: () => parsePs(ps(['-axo', PS_COLUMNS], [0])),
    variable: (pid, name) =>
      parseVariables(ps(['eww', '-o', 'pid=,command=', '-p', String(pid)], [0, 1]), name).get(pid) ?? null,
    // `ps` does not show which process is within exec.
    variables: (name) => ({ values: parseVariables(ps(['axeww', '-o', 'pid=,command='], [0]), name), silent: [] }),
    // It ends with 1 where some process could not be read: that is another user's.
    directories: () => parseDirectories(run('lsof', ['-a', '-d', 'cwd', '-Fpn'], [0, 1])),
  };
}

/**
 * The variable's value in each process. `ps eww` prints the environment after the arguments: an argument that looks
 * like the variable would be taken for it.
 */
export function parseVariables(text: string, name: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const line of text.split('\n')) {
    const pid = Number.parseInt(line, 10);
    const at = line.lastIndexOf(` ${name}=`);
    if (!Number.isInteger(pid) || at === -1) continue;
    const value = line.slice(at + name.length + 2);
    found.set(pid, value.slice(0, value.search(/\s|$/)));
  }
  return found;
}

/** Output of `lsof -Fpn`: a line `p<pid>`, then for its working directory `n<path>`. */
export function parseDirectories(text: string): Map<number, string> {
  const found = new Map<number, string>();
  let pid = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('p')) pid = Number(line.slice(1));
    else if (line.startsWith('n')) found.set(pid, line.slice(1));
  }
  return found;
}

/** Runs ps. English dates and no width limit, whatever is in the caller's environment. */
function ps(argv: readonly string[], expected: readonly number[]): string {
  return run('ps', argv, expected);
}

function readBoot(): string {
  // There is no Linux without /proc; BSDs and macOS tell the boot's second, macOS a UUID as well.
  const uuid = run('sysctl', ['-n', 'kern.bootsessionuuid'], [0, 1]).trim();
  return uuid === '' ? run('sysctl', ['-n', 'kern.boottime'], [0]).trim() : uuid;
}

function run(program: string, argv: readonly string[], expected: readonly number[]): string {
  const result = spawnSync(program, argv, {
    encoding: 'utf8',
    timeout: 10_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin:/usr/sbin', LC_ALL: 'C', TZ: 'UTC' },
  });
  if (result.error === undefined && result.status !== null && expected.includes(result.status)) return result.stdout;
  throw new SwarmError('process-table', `${program} ${argv.join(' ')} failed: ${result.stderr ?? ''}`.trim(), {
    cause: result.error,
    retrySafe: true,
  });
}
