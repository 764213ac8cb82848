import { Argument } from 'commander';
import { later, type Verb } from '../verb/verb.ts';
import { whichShell } from './completion.ts';

/** What the scripts of `swarm completion` ask. */
export const verb: Verb = {
  summary: '',
  hidden: true,
  arguments: [whichShell(), new Argument('[words...]')],
  run: later(async () => (await import('./complete.ts')).complete),
};
