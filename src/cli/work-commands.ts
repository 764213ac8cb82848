import { Argument, type Command } from 'commander';
import { integer, type RunVerb } from './verb.ts';

/** The verbs that change people's work, and take that back. They are for people alone. */
export function addWorkCommands(program: Command, call: RunVerb, forPeople: (name: string) => () => void): void {
  program
    .command('rollback')
    .summary("bring an agent's worktree and conversation back to a checkpoint")
    .description(
      'Stops the agent, checkpoints what is there, and brings files, HEAD, branch and conversation back to a checkpoint; then the agent goes on from there. Ignored files stay.',
    )
    .argument('<agent>')
    .addArgument(
      new Argument('[n]', 'number of the checkpoint; asked for on a terminal').argParser(integer(1, 2 ** 31)),
    )
    .option('--files-only', 'leave the conversation as it is')
    .option('--hold', 'let the agent wait afterwards, until `swarm resume`')
    .option('-y, --yes', 'do not ask')
    .hook('preAction', forPeople('rollback'))
    .action(call(async () => (await import('./verbs/rollback.ts')).rollback));
  program
    .command('undo')
    .summary('take back the last rollback, merge, rm or down --purge of an agent')
    .argument('<agent>')
    .hook('preAction', forPeople('undo'))
    .action(call(async () => (await import('./verbs/undo.ts')).undo));
  program
    .command('rm')
    .summary('remove agents and their worktrees; what would lose work is kept')
    .description(
      'Stops agents and removes their worktrees, each examined in that moment: work that is in no commit, stashes, submodules, locks and living processes keep it. Branches and checkpoints stay.',
    )
    .argument('<agent...>')
    .option('--force', 'move what is in no commit to a checkpoint first')
    .hook('preAction', forPeople('rm'))
    .action(call(async () => (await import('./verbs/rm.ts')).rm));
}
