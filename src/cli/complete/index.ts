import { Argument } from 'commander';
import { later, type Verb } from '../verb/verb.ts';
import { whichShell } from './completion.ts';

/** Called by the scripts of `swarm completion`. */
export const verb: Verb = {
  summary: '',
  hidden: true,
  arguments: [whichShell(), new Argument('[words...]')],
  run: later(async () => (await import('./complete.ts')).complete),
};
