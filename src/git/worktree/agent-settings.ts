import { SAFE_INDEX } from '../environment.ts';
import { worktreeExcludes } from '../own-excludes.ts';

/**
 * Variables that give every git of an agent the settings that swarm has for its worktree: the ignore file of that
 * worktree, where it has one, and an index that loses nothing. Appended to the settings that the person's environment
 * makes in this way.
 */
export function agentSettings(
  worktree: string,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const excludes = worktreeExcludes(worktree);
  const settings = { ...SAFE_INDEX, ...(excludes === null ? {} : { 'core.excludesFile': excludes }) };
  const count = Number(env['GIT_CONFIG_COUNT'] ?? 0);
  const next = Number.isInteger(count) && count >= 0 ? count : 0;
  const variables = Object.entries(settings).flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${next + at}`, key],
    [`GIT_CONFIG_VALUE_${next + at}`, value],
  ]);
  return { ...Object.fromEntries(variables), GIT_CONFIG_COUNT: String(next + Object.keys(settings).length) };
}
