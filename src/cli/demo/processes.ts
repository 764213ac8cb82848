import { Argument } from 'commander';
import type { Context } from '../project/context.ts';
import type { Verb } from '../verb/verb.ts';

/** The other processes of the demonstration: the narrator in its terminal, and the janitor. */
export const verb: Verb = {
  summary: '',
  hidden: true,
  arguments: [
    new Argument('<part>').choices(['narrate', 'clean-up']),
    new Argument('<directory>'),
    new Argument('[record]'),
  ],
  run: runPart,
};

async function runPart(context: Context, part: string, directory: string, record?: string): Promise<number | void> {
  if (part === 'narrate') return await (await import('./narrate.ts')).narrate(context, directory, record);
  return await (await import('./janitor.ts')).cleanUpLater(context, directory);
}
