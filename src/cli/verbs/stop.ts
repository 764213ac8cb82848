import { Argument } from 'commander';
import { orderAgents } from '../project/order-agents.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'stop agents; their worktrees and conversations stay',
  arguments: [new Argument('<agent...>')],
  run: orderAgents('stop'),
};
