import { lstatSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bytesBelow } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import type { CheckpointPlace } from './types.ts';

/** The answers of git about ignored files, with the state of the pattern files before git was asked. */
export interface KnownRules {
  /** Null: nothing is proved. */
  signature: string | null;
  /** Directories whose `.gitignore` counts for a file of the shadow index or of the person's. */
  directories: ReadonlySet<RawPath>;
  /** Files that the shadow index holds although a pattern ignores them. */
  held: RawPath[];
}

/** Above this number, asking git costs no more than looking at every `.gitignore`. */
const MOST_DIRECTORIES = 5_000;
const CHUNK = 256;

/**
 * Identity of every file with ignore patterns that can count for a file below one of `directories`, and of git's usual
 * configuration files, which may name another one: an equal identity means equal patterns. A `.gitignore` may itself be
 * ignored, so that the captured files do not show its changes. Null when a file is so young that a further change could
 * leave no trace. To be taken before git is asked.
 * @param config `-c core.excludesFile=…`, or nothing where git's default counts
 * @param before ms since 1970: a file that changed at or after it is young
 */
export async function rulesSignature(
  place: CheckpointPlace,
  gitDir: string,
  config: readonly string[],
  directories: ReadonlySet<RawPath>,
  before: number,
): Promise<string | null> {
  if (directories.size > MOST_DIRECTORIES) return null;
  const parts: string[] = [...config];
  for (const file of [...configurationFiles(place, gitDir), path.join(place.gitCommonDir, 'info', 'exclude')])
    if (!note(parts, file, statSync, before)) return null;
  if (!note(parts, excludesFile(config), statSync, before)) return null;
  let looked = 0;
  // Git does not follow a link that is called .gitignore.
  for (const directory of ['', ...directories]) {
    if (++looked % CHUNK === 0) await nextTurn();
    const name = directory === '' ? '.gitignore' : `${directory}/.gitignore`;
    if (!note(parts, bytesBelow(place.worktree, name), lstatSync, before)) return null;
  }
  return parts.join('\0');
}

/** Adds the identity of a file. False: the file's stat data proves nothing. */
function note(parts: string[], file: string | Buffer, look: typeof statSync, before: number): boolean {
  try {
    const stat = look(file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return true;
    if (Number(stat.ctimeNs / 1_000_000n) >= before) return false;
    // With its name: the same file may move from one directory to another.
    const name = typeof file === 'string' ? file : file.toString('latin1');
    parts.push(`${name} ${stat.dev} ${stat.ino} ${stat.ctimeNs} ${stat.mtimeNs} ${stat.size}`);
    return true;
  } catch (error) {
    // Other errors (a loop of links, a closed directory) prove nothing: git is asked.
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR';
  }
}

/** Identity of git's usual configuration files; included ones are not looked at. */
export function configurationSignature(place: CheckpointPlace, gitDir: string): string {
  const parts: string[] = [];
  for (const file of configurationFiles(place, gitDir)) note(parts, file, statSync, Infinity);
  return parts.join('\0');
}

const home = (): string => process.env['HOME'] ?? os.homedir();

export function inConfigHome(name: string): string {
  const xdg = process.env['XDG_CONFIG_HOME'] ?? '';
  return path.join(xdg === '' ? path.join(home(), '.config') : xdg, 'git', name);
}

function configurationFiles({ gitCommonDir }: CheckpointPlace, gitDir: string): string[] {
  const named = [process.env['GIT_CONFIG_GLOBAL'] ?? '', process.env['GIT_CONFIG_SYSTEM'] ?? ''];
  return [
    path.join(gitCommonDir, 'config'),
    path.join(gitDir, 'config.worktree'),
    path.join(home(), '.gitconfig'),
    inConfigHome('config'),
    '/etc/gitconfig',
    ...named.filter((file) => file !== ''),
  ];
}

function excludesFile(config: readonly string[]): string {
  return /^core\.excludesFile=(.*)$/s.exec(config[1] ?? '')?.[1] ?? inConfigHome('ignore');
}
