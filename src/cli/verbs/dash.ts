import { Option } from 'commander';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'the dashboard: what needs you, agents, tasks and events, live',
  options: [new Option('--plain', 'what changes, line by line; so too without a terminal')],
  run: later(async () => (await import('../screen/dash.ts')).dash),
};
