import type { Config } from './schema.ts';

/**
 * Permission rules for the verify commands: an agent may run them without asking, since the person has approved those
 * programs.
 */
export function verifyRules({ verify }: Config): string[] {
  return Object.values(verify).map((argv) => `Bash(${argv.join(' ')}:*)`);
}
