import { Argument, Option } from 'commander';
import { later, type Verb } from '../../verb/verb.ts';

export const wait: Verb = {
  summary: 'wait until tasks have ended: exit code 0 done, 1 dead or cancelled, 3 timed out',
  arguments: [new Argument('<task...>')],
  options: [new Option('--timeout <duration>', 'give up after this, e.g. 10m')],
  run: later(async () => (await import('./wait-for-tasks.ts')).waitForTasks),
};
