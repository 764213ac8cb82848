import { Option } from 'commander';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'find what is missing, left over or in the way, and why',
  description:
    'Looks at everything that swarm needs and leaves behind: programs, settings, sockets, processes, worktrees.',
  options: [new Option('--fix', 'put right what can be put right without harm')],
  run: later(async () => (await import('./doctor.ts')).doctor),
};
