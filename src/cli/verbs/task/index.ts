import type { Verb } from '../../verb/verb.ts';
import { add } from './add.ts';
import { cancel, retry } from './change.ts';
import { ls } from './ls.ts';
import { run } from './run.ts';
import { show } from './show.ts';
import { wait } from './wait.ts';

export const verb: Verb = {
  summary: 'give work to the agents',
  description: 'Work for the agents.',
  verbs: { add, run, ls, show, wait, cancel, retry },
};
