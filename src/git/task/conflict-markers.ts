import { closeSync, openSync, readSync } from 'node:fs';
import { parseBatch } from '../batch.ts';
import { bytesBelow, joinNul, splitNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { runGit } from '../git.ts';

/**
 * Files with unresolved conflicts: markers in the text, or (binary, deleted on one side) an unmerged entry in the
 * index, which is the only sign there. An agent that edits the markers away and forgets `git add` has resolved its
 * text.
 * @param staged changed files that may hold markers too, since an operation is under way
 */
export async function unresolvedFiles(
  worktree: string,
  unmerged: readonly RawPath[],
  staged: readonly RawPath[],
): Promise<RawPath[]> {
  const sizes = await markerSizes(worktree, [...unmerged, ...staged]);
  const look = (file: RawPath): Look => conflictMarkers(worktree, file, sizes.get(file) ?? USUAL_SIZE);
  const open = staged.filter((file) => look(file) === 'markers');
  if (unmerged.length === 0) return open;
  const both = await changedOnBothSides(worktree);
  for (const file of unmerged) {
    if (look(file) === 'text' && both.has(file)) continue;
    open.push(file);
  }
  return open;
}

/** Paths with both sides' stages in the index: a conflict of contents. */
async function changedOnBothSides(worktree: string): Promise<Set<RawPath>> {
  const { stdout } = await runGit(['ls-files', '-u', '-z'], { cwd: worktree });
  const stages = new Map<RawPath, Set<string>>();
  for (const record of splitNul(stdout)) {
    const found = /^\d+ [0-9a-f]+ (\d)\t(.*)$/s.exec(record);
    if (found === null) continue;
    const [, stage = '', file = ''] = found;
    stages.set(file, (stages.get(file) ?? new Set()).add(stage));
  }
  return new Set([...stages].filter(([, seen]) => seen.has('2') && seen.has('3')).map(([file]) => file));
}

const USUAL_SIZE = 7;

/** The length of conflict markers in these files, as the attributes of the repository say it. */
async function markerSizes(worktree: string, files: readonly RawPath[]): Promise<Map<RawPath, number>> {
  const sizes = new Map<RawPath, number>();
  if (files.length === 0) return sizes;
  const args = ['check-attr', '-z', '--stdin', 'conflict-marker-size'];
  const fields = splitNul((await runGit(args, { cwd: worktree, input: joinNul(files) })).stdout);
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const size = Number.parseInt(fields[at + 2] ?? '', 10);
    // As for git: anything else is the usual size.
    if (size > 0) sizes.set(fields[at] ?? '', size);
  }
  return sizes;
}

/** Larger files are not read: markers in them are not written by hand. */
const MOST_BYTES = 8 * 1024 * 1024;

type Look = 'markers' | 'text' | 'binary' | 'absent';

function conflictMarkers(worktree: string, file: RawPath, size: number): Look {
  let content: string;
  try {
    const fd = openSync(bytesBelow(worktree, file), 'r');
    try {
      const buffer = Buffer.alloc(MOST_BYTES);
      content = buffer.toString('latin1', 0, readSync(fd, buffer, 0, MOST_BYTES, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EACCES')
      return 'absent';
    throw error;
  }
  if (content.slice(0, 8_000).includes('\0')) return 'binary';
  const has = (sign: string): boolean => new RegExp(`^${sign}{${size}} `, 'm').test(content);
  return has('<') && has('>') ? 'markers' : 'text';
}

/**
 * Files into which the commits between `from` and `to` bring the beginning and the end of a conflict, each of the
 * length that the attributes say. A line of `=` alone underlines many a heading.
 */
export async function markersBrought(cwd: string, from: string, to: string): Promise<RawPath[]> {
  // Else each line with blanks at its end would be printed as well.
  const markersAlone = ['-c', 'core.whitespace=-trailing-space,-space-before-tab'];
  const args = [
    ...markersAlone,
    'diff-tree',
    '-r',
    '--check',
    '--no-renames',
    '--no-ext-diff',
    '--no-textconv',
    from,
    to,
  ];
  const { stdout } = await runGit(args, { cwd, okCodes: [2] });
  const lines = new Map<RawPath, number[]>();
  for (const [, file = '', line] of stdout.toString('latin1').matchAll(/^(.*):(\d+): leftover conflict marker$/gm))
    lines.set(file, [...(lines.get(file) ?? []), Number(line)]);
  const files = [...lines.keys()];
  if (files.length === 0) return [];
  const input = Buffer.from(files.map((file) => `${to}:${file}\n`).join(''), 'latin1');
  const blobs = parseBatch((await runGit(['cat-file', '--batch'], { cwd, input })).stdout, files.length);
  return files.filter((file, at) => {
    const text = blobs[at]?.bytes.toString('latin1').split('\n') ?? [];
    const signs = new Set((lines.get(file) ?? []).map((line) => text[line - 1]?.[0]));
    return signs.has('<') && signs.has('>');
  });
}
