import { Option } from 'commander';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'see it all work, in a throw-away repository and without an account',
  description:
    'Shows it all in a throw-away repository, with a scripted model: tasks, a question, a kill, a rollback, a merge.',
  options: [
    new Option('-y, --yes', 'install what is missing without asking'),
    new Option('--keep', 'leave the repository and everything else in place at the end'),
    new Option('--record <file>', 'record what the terminal shows, for `asciinema play`'),
  ],
  run: later(async () => (await import('./demo.ts')).demo),
};
