import { mkdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { gitText, runGit } from '../git.ts';
import { worktreeGitDir } from '../repository/operations.ts';
import { EXCLUDES_FILE } from '../own-excludes.ts';

/**
 * Writes the ignore file of one worktree. Git knows none: `info/exclude` belongs to all worktrees, the person's
 * included. So the files that a set-up brings into a worktree are ignored by a file that takes the place of the
 * person's `core.excludesFile` and begins with a copy of it. Every git that swarm runs there gets it by an option,
 * agents get it by their environment.
 * @param paths of the worktree, `/` between parts; none: the file is removed
 */
export async function writeWorktreeExcludes(options: {
  root: string;
  worktree: string;
  paths: readonly string[];
}): Promise<void> {
  const { root, worktree, paths } = options;
  const file = path.join(worktreeGitDir(worktree), EXCLUDES_FILE);
  if (paths.length === 0) {
    await rm(file, { force: true });
    return;
  }
  const text = [
    await readPersons(root),
    '# What the set-up of this worktree brought along.',
    ...paths.map(ignorePattern),
  ];
  await writeFileAtomic(file, `${text.join('\n')}\n`, { mode: 0o600, fsync: false });
}

/** A pattern that matches this path of the worktree and no other, whatever characters are in it. */
export function ignorePattern(name: string): string {
  const escaped = name.replaceAll(/[\\*?[\]]/g, String.raw`\$&`).replaceAll(/[\r\n]/g, '?');
  return `/${escaped.replace(/ +$/, (spaces) => String.raw`\ `.repeat(spaces.length))}`;
}

/**
 * Has git ignore a directory of swarm's that lies inside the person's checkout, by `info/exclude`, unless an ignore file
 * does so already: else it shows as untracked, and the person's `git add -A` takes the worktrees in as links.
 */
export async function excludeInside(root: string, directory: string): Promise<void> {
  const name = path.relative(root, directory);
  if (name === '' || name.startsWith('..') || path.isAbsolute(name)) return;
  const { exitCode } = await runGit(['check-ignore', '-q', '--', `${name}/`], { cwd: root, okCodes: [1] });
  if (exitCode === 0) return;
  const file = path.resolve(root, await gitText(['rev-parse', '--git-path', 'info/exclude'], { cwd: root }));
  const before = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const end = before === '' || before.endsWith('\n') ? '' : '\n';
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomic(file, `${before}${end}${ignorePattern(name)}/\n`, { mode: 0o644 });
}

async function readPersons(root: string): Promise<string> {
  const named = await gitText(['config', '--path', '--get', 'core.excludesFile'], { cwd: root, okCodes: [1] });
  const home = process.env['XDG_CONFIG_HOME'] || path.join(process.env['HOME'] ?? os.homedir(), '.config');
  const file = named === '' ? path.join(home, 'git', 'ignore') : path.resolve(root, named);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // As for git: a file that is missing or unreadable ignores nothing.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'EISDIR') return '';
    throw error;
  }
}
