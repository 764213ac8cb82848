import type { Command, CommanderError } from 'commander';
import { SwarmError } from '../domain/errors.ts';

/** A wrong command line as an error that names the right one, or where it is documented. Pure. */
export function usageError(error: CommanderError, program: Command, argv: readonly string[]): SwarmError {
  const { group, path } = reached(program, argv);
  if (error.code === 'commander.help') {
    // The only case: a group of verbs, named without one of them.
    const verbs = group.commands.map((command) => command.name()).join(', ');
    const hint =
      group === program ? 'Run `swarm --help` to see them all.' : `There are ${verbs}: \`swarm ${path} --help\`.`;
    return wrong(`which ${group === program ? 'swarm' : path} command?`, hint);
  }
  const [what = '', meant] = error.message.replace(/^error: /, '').split('\n');
  const near = /^\((.*)\)$/.exec(meant ?? '')?.[1];
  const help = `\`swarm ${path === '' ? '' : `${path} `}--help\` shows how it is used.`;
  return wrong(what, near ?? otherPlace(error, program, group) ?? help);
}

/** The innermost command that the words name, and its name as it is typed. */
function reached(program: Command, argv: readonly string[]): { group: Command; path: string } {
  let group = program;
  const names: string[] = [];
  for (const word of argv) {
    const next = group.commands.find((command) => command.name() === word);
    if (next === undefined) continue;
    group = next;
    names.push(word);
  }
  return { group, path: names.join(' ') };
}

/** The right place for a verb that belongs to a group, or for a title in the place of a verb. */
function otherPlace(error: CommanderError, program: Command, group: Command): string | null {
  const word = error.code === 'commander.unknownCommand' ? /'(.*)'/s.exec(error.message)?.[1] : undefined;
  if (word === undefined) return null;
  if (group.name() === 'task') return `To give work: \`swarm task add "${word}"\`.`;
  const home = program.commands.find(({ commands }) => commands.some((command) => command.name() === word));
  return home === undefined ? null : `Did you mean \`swarm ${home.name()} ${word}\`?`;
}

function wrong(what: string, hint: string): SwarmError {
  return new SwarmError('usage', what, { hint, exitCode: 2 });
}
