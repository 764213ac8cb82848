import { Argument, InvalidArgumentError, Option } from 'commander';
import { later, type Verb } from '../../verb/verb.ts';

export const run: Verb = {
  summary: 'add the tasks of a plan: all of them or none',
  arguments: [new Argument('<plan>', 'a YAML file in the repository')],
  options: [
    new Option('--var <name=value...>', 'the value of {{name}} in the plan').argParser(variable),
    new Option('--key <key>', 'running it again with the same key adds nothing'),
    new Option('--dry-run', 'say what would be added'),
    new Option('--follow', 'wait until all of them have ended, as task wait does; Ctrl-C leaves them running'),
  ],
  run: later(async () => (await import('./run-plan.ts')).runPlan),
};

function variable(text: string, before: Map<string, string> | undefined): Map<string, string> {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('NAME=VALUE is accepted.');
  return new Map(before).set(name, value);
}
