import path from 'node:path';
import { runGit } from '../../git/git.ts';
import type { ConversionConfig } from './conversions.ts';

/** The part of the person's git configuration that counts for checkpoints. */
export interface RepositoryConfig {
  /** `-c core.excludesFile=…`: the shadow does not read the repository's configuration. */
  config: readonly string[];
  conversion: ConversionConfig;
}

const FILES = '^core\\.(excludesfile|attributesfile)$';
const OFF = ['', 'false', 'no', 'off', '0'];

export async function readRepositoryConfig(worktree: string): Promise<RepositoryConfig> {
  const [values, conversion] = await Promise.all([
    valuesOf(worktree, ['--path', '--get-regexp', FILES]),
    // Not read with `--path`: git would end at a key without a value, which means true.
    valuesOf(worktree, ['--get-regexp', '^core\\.autocrlf$']),
  ]);
  const fileOf = (key: string): string | null => {
    const value = values.get(key) ?? '';
    return value === '' ? null : path.resolve(worktree, value);
  };
  const excludes = fileOf('core.excludesfile');
  const autocrlf = conversion.get('core.autocrlf') ?? '';
  return {
    config: excludes === null ? [] : ['-c', `core.excludesFile=${excludes}`],
    conversion: { autocrlf: !OFF.includes(autocrlf.toLowerCase()), attributesFile: fileOf('core.attributesfile') },
  };
}

async function valuesOf(worktree: string, asked: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await runGit(['config', '--null', ...asked], { cwd: worktree, okCodes: [1] });
  const values = new Map<string, string>();
  // A key without a value is true. Of several values the last one counts.
  for (const line of stdout.toString('utf8').split('\0')) {
    const end = line.indexOf('\n');
    values.set(end === -1 ? line : line.slice(0, end), end === -1 ? 'true' : line.slice(end + 1));
  }
  return values;
}
