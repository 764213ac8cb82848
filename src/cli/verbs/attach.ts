import { Argument } from 'commander';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: "look at an agent's terminal and talk to it",
  arguments: [new Argument('<agent>')],
  run: later(async () => (await import('../screen/attach.ts')).attach),
};
