import { Argument, type Command } from 'commander';
import { integer, type RunVerb } from './verb.ts';

/** Taking checkpoints, looking at them, and bringing back parts of them. */
export function addCheckpointCommands(program: Command, call: RunVerb, forPeople: (name: string) => () => void): void {
  const number = integer(1, 2 ** 31);
  const which = (): Argument => new Argument('<n>', 'number of the checkpoint').argParser(number);
  const checkpoint = program
    .command('checkpoint')
    .summary("take a checkpoint of an agent's worktree")
    .argument('<agent>')
    .option('-m, --message <text>', 'why')
    .option('--pin', 'keep it for ever')
    .action(call(async () => (await import('./verbs/checkpoint.ts')).checkpoint));
  checkpoint
    .command('ls')
    .summary('list the checkpoints of an agent, or of all')
    .argument('[agent]')
    .option('--all', 'of all agents, those that are gone too')
    .action(call(async () => (await import('./verbs/checkpoint.ts')).listCheckpoints));
  checkpoint
    .command('show')
    .summary('what a checkpoint holds and what it changed')
    .argument('<agent>')
    .addArgument(which())
    .action(call(async () => (await import('./verbs/checkpoint-look.ts')).showCheckpoint));
  checkpoint
    .command('diff')
    .summary('what changed from one checkpoint to another, or to the worktree now')
    .argument('<agent>')
    .addArgument(new Argument('<a>', 'number of a checkpoint').argParser(number))
    .addArgument(new Argument('[b]', 'number of another; without it: the files as they are now').argParser(number))
    .option('--stat', 'only which files, and how much')
    .action(call(async () => (await import('./verbs/checkpoint-look.ts')).diffCheckpoints));
  checkpoint
    .command('restore')
    .summary('bring single files or directories back; what is there now is captured first')
    .argument('<agent>')
    .addArgument(which())
    .requiredOption('--path <path...>', "files or directories, from the worktree's root")
    .hook('preAction', forPeople('checkpoint restore'))
    .action(call(async () => (await import('./verbs/checkpoint-keep.ts')).restoreFiles));
  checkpoint
    .command('branch')
    .summary('make a branch with the files of a checkpoint')
    .argument('<agent>')
    .addArgument(which())
    .argument('<name>', 'of the new branch')
    .action(call(async () => (await import('./verbs/checkpoint-keep.ts')).branchCheckpoint));
  for (const [name, summary] of [
    ['pin', 'keep a checkpoint for ever'],
    ['unpin', 'let a checkpoint go when its time is over'],
  ] as const) {
    checkpoint
      .command(name)
      .summary(summary)
      .argument('<agent>')
      .addArgument(which())
      .action(call(async () => (await import('./verbs/checkpoint-keep.ts')).pinCheckpoint(name === 'pin')));
  }
  checkpoint
    .command('prune')
    .summary('forget what `checkpoints.keep` no longer keeps; swarm does so by itself')
    .argument('[agent]')
    .option('--dry-run', 'only say what would go')
    .hook('preAction', forPeople('checkpoint prune'))
    .action(call(async () => (await import('./verbs/checkpoint-keep.ts')).pruneCheckpoints));
  checkpoint
    .command('drop')
    .summary('forget checkpoints, with --purge down to their contents')
    .argument('<agent>')
    .addArgument(new Argument('<n...>', 'numbers of the checkpoints').argParser(each(number)))
    .option('--purge', 'remove what only they hold from the repository, for a secret that was captured')
    .option('-y, --yes', 'do not ask')
    .hook('preAction', forPeople('checkpoint drop'))
    .action(call(async () => (await import('./verbs/checkpoint-keep.ts')).dropCheckpoints));
}

/** A variadic argument comes word by word. */
function each(parse: (text: string) => number) {
  return (text: string, before: number[] | undefined): number[] => [...(before ?? []), parse(text)];
}
