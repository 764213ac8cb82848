import { statSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../config/index.ts';
import { configDir } from '../../claude/home.ts';
import type { AccountRules } from '../../health/index.ts';

/** The account of a command. Agents whose programs get the same credentials share one; others have one of their own. */
export function accountOf(command: readonly string[]): string {
  const [program = '', ...words] = command;
  if (path.basename(program) !== 'env') return 'default';
  const end = words.findIndex((word) => !word.includes('='));
  const given = words.slice(0, end < 0 ? words.length : end).filter((word) => CREDENTIALS.test(word));
  return given.length === 0
    ? 'default'
    : given
        .toSorted()
        .map((word) => word.replace(/=.*/s, ''))
        .join('+');
}

const CREDENTIALS = /^(ANTHROPIC|CLAUDE|AWS|GOOGLE|CLOUD_ML|AZURE)[A-Z_]*=/;

export function accountRules({ holds }: Pick<Config, 'holds'>): AccountRules {
  const { failures, window, wait, waitMax } = holds.overload;
  return {
    loginMs: holds.login,
    rateLimitMs: holds.rateLimit,
    rateLimitMaxMs: holds.rateLimitMax,
    overload: { failures, windowMs: window, waitMs: wait, waitMaxMs: waitMax },
  };
}

/** A mark that changes when a person has logged in again, as far as files show; their content is never read. */
export function credentialsMark(env: Readonly<Record<string, string>>, envSnapshot: string): string {
  const dir = configDir(env);
  const files = [path.join(dir, '.credentials.json'), path.join(dir, 'settings.json'), envSnapshot];
  return files
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? '-' : `${stat.mtimeMs}/${stat.ino}/${stat.size}`))
    .join(' ');
}
