import { Option } from 'commander';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'write a swarm.yaml for this repository',
  description: 'Looks at the repository, asks a few questions and writes a commented swarm.yaml.',
  options: [
    new Option('-y, --yes', 'ask nothing: take what was found'),
    new Option('--force', 'replace the swarm.yaml that is there'),
  ],
  run: later(async () => (await import('./init.ts')).init),
};
