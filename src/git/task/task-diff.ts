import { printable, splitNul } from '../bytes.ts';
import { runGit } from '../git.ts';

export interface FileStat {
  path: string;
  /** Null for a binary file. */
  added: number | null;
  removed: number | null;
}

export interface TaskDiff {
  /** Unified diff, without colour. */
  text: string;
  files: FileStat[];
}

/** What `commit` brings since it left `base` (three-dot diff). */
export async function taskDiff(options: { root: string; base: string; commit: string }): Promise<TaskDiff> {
  return diffText(options.root, [`${options.base}...${options.commit}`]);
}

/** @param env where the directory alone does not say which repository is meant */
export async function diffText(
  cwd: string,
  revisions: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TaskDiff> {
  const common = ['diff', '--no-color', '--no-ext-diff', '--no-textconv', '--no-renames', '--submodule=short'];
  const [text, stat] = await Promise.all([
    runGit([...common, ...revisions, '--'], { cwd, env }),
    runGit([...common, '--numstat', '-z', ...revisions, '--'], { cwd, env }),
  ]);
  return { text: text.stdout.toString('utf8'), files: parseNumstat(stat.stdout) };
}

export function parseNumstat(output: Buffer): FileStat[] {
  return splitNul(output).map((record) => {
    const [added = '-', removed = '-', ...name] = record.split('\t');
    const count = (text: string): number | null => (text === '-' ? null : Number(text));
    return { path: printable(name.join('\t')), added: count(added), removed: count(removed) };
  });
}
