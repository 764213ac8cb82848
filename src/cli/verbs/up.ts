import { Argument, Option } from 'commander';
import { workerCount } from '../verb/values.ts';
import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'start the agents of this repository',
  description: 'Starts the agents of this repository: N workers, or as many as swarm.yaml says, or what was up before.',
  arguments: [new Argument('[n]', 'number of workers').argParser(workerCount)],
  options: [
    new Option('--detach', 'print the table and give the terminal back, instead of opening the dashboard'),
    new Option('-y, --yes', "answer swarm's own questions with yes"),
    new Option('--trust', "answer Claude Code's question whether this repository is trusted with yes"),
    new Option('--include-dirty', 'let the agents begin with your uncommitted changes'),
  ],
  run: later(async () => (await import('../up/up.ts')).up),
};
