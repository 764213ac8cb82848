import { Argument } from 'commander';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { packageRoot } from '../../lib/package-root.ts';
import type { Context } from '../project/context.ts';
import type { Verb } from '../verb/verb.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Shells that swarm completes in. */
export type Shell = (typeof SHELLS)[number];

export const whichShell = (): Argument => new Argument('<shell>').choices(SHELLS);

export const verb: Verb = {
  summary: 'print the completion script of a shell',
  arguments: [whichShell()],
  run: completion,
};

/**
 * Prints the completion script of a shell. It passes the words before the cursor to `swarm __complete`, so that it
 * never goes out of date.
 */
async function completion({ output }: Context, shell: Shell): Promise<void> {
  const script = await readFile(scriptFile(shell), 'utf8');
  output.document({ shell, script });
  if (!output.json) output.stdout.write(script);
}

export function scriptFile(shell: Shell): string {
  return path.join(packageRoot(import.meta.dirname), 'templates', 'completion', `swarm.${shell}`);
}
