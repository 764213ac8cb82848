import { Option } from 'commander';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'stop the agents and everything that serves them',
  description:
    'Stops the agents and everything that serves them. Tasks, checkpoints and worktrees stay; `swarm up` goes on.',
  options: [
    new Option('--purge', 'remove the worktrees and forget agents and tasks too (branches and checkpoints stay)'),
    new Option('--force', 'with --purge: move what is in no commit to checkpoints, instead of keeping such worktrees'),
    new Option('-y, --yes', 'do not ask'),
  ],
  forPeople: true,
  run: later(async () => (await import('../up/down.ts')).down),
};
