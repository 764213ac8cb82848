import { Argument } from 'commander';
import { orderAgents } from '../project/order-agents.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'let agents finish their turn and take no new task',
  arguments: [new Argument('<agent...>')],
  run: orderAgents('pause'),
};
