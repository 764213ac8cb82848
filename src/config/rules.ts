import type { Config } from './schema.ts';

/** What tasks are verified with an agent may run itself, without asking: the person has approved those programs. */
export function verifyRules({ verify }: Config): string[] {
  return Object.values(verify).map((argv) => `Bash(${argv.join(' ')}:*)`);
}
