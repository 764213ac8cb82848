export interface CommandLine {
  /** The words for swarm: its own verbs, options and operands. */
  own: readonly string[];
  /** The program of a shell task with its arguments, as typed after `--command`; null without that option. */
  program: readonly string[] | null;
}

const OPTION = '--command';

/**
 * Takes the argv of `task add … --command sh -c …` (also written `--command -- sh -c …`) out of a command line. The
 * option ends swarm's own words as `--` does: commander would take the program's options for swarm's. An option without
 * a program stays, so that commander reports what is missing. Pure.
 */
export function splitCommandLine(argv: readonly string[]): CommandLine {
  const at = argv.findIndex((word) => word === '--' || word === OPTION || word.startsWith(`${OPTION}=`));
  const word = argv[at];
  const own = argv.slice(0, at);
  if (word === undefined || word === '--' || !isTaskAdd(own)) return { own: argv, program: null };
  const rest = argv.slice(at + 1);
  if (word !== OPTION) return { own, program: [word.slice(OPTION.length + 1), ...rest] };
  const program = rest[0] === '--' ? rest.slice(1) : rest;
  return program.length === 0 ? { own: [...own, OPTION], program: null } : { own, program };
}

function isTaskAdd(words: readonly string[]): boolean {
  const verbs = words.filter(
    (word, index) => !word.startsWith('-') && !['-C', '--directory'].includes(words[index - 1] ?? ''),
  );
  return verbs[0] === 'task' && verbs[1] === 'add';
}
