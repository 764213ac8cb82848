import { porcelain } from '../porcelain.ts';

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

/** The changes of `commit` since it left `base` (three-dot diff). */
export async function taskDiff(options: { root: string; base: string; commit: string }): Promise<TaskDiff> {
  return diffText(options.root, [`${options.base}...${options.commit}`]);
}

/**
 * The difference between revisions.
 * @param env where the directory alone does not say which repository is meant
 */
export async function diffText(
  cwd: string,
  revisions: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TaskDiff> {
  // Beside these, the settings of every call (environment.ts) say what the text looks like.
  const common = [
    '--no-color',
    '--no-ext-diff',
    '--no-textconv',
    '--no-renames',
    '--submodule=short',
    '--ignore-submodules=none',
  ];
  // Not `diffSummary`, which cannot give unquoted names (-z).
  const [text, stat] = await Promise.all([
    porcelain({ cwd, env }, (git) => git.diff([...common, ...revisions, '--'])),
    porcelain({ cwd, env }, (git) => git.diff([...common, '--numstat', '-z', ...revisions, '--'])),
  ]);
  return { text, files: parseNumstat(stat) };
}

export function parseNumstat(output: string): FileStat[] {
  const records = output.split('\0').slice(0, -1);
  return records.map((record) => {
    const [added = '-', removed = '-', ...name] = record.split('\t');
    const count = (text: string): number | null => (text === '-' ? null : Number(text));
    return { path: name.join('\t'), added: count(added), removed: count(removed) };
  });
}
