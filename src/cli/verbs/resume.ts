import { Argument } from 'commander';
import { orderAgents } from '../project/order-agents.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'let paused or stopped agents go on',
  arguments: [new Argument('<agent...>')],
  run: orderAgents('resume'),
};
