import { Argument } from 'commander';
import { orderAgents } from '../project/order-agents.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'end agents and start them again in the same conversation',
  arguments: [new Argument('<agent...>')],
  run: orderAgents('restart'),
};
