import { Argument, type Command, Option } from 'commander';
import type { Shell } from './complete/completion.ts';
import { integer, type RunVerb } from './verb.ts';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** The verbs that look at the swarm and its surroundings, and those around it. */
export function addUpkeepCommands(program: Command, call: RunVerb): void {
  program
    .command('scale')
    .summary('change the number of workers')
    .description('Changes the number of workers of a swarm that is up; asks nothing and waits for nothing.')
    .addArgument(new Argument('<workers>', 'how many there are to be').argParser(integer(1, 200)))
    .action(call(async () => (await import('./verbs/scale.ts')).scale));
  program
    .command('explain')
    .summary('why an agent has its status: facts, their ages, and the rule')
    .argument('<agent>')
    .option('--history', 'what its status was in the last 24 hours')
    .action(call(async () => (await import('./verbs/explain.ts')).explain));
  program
    .command('monitor')
    .summary('health and alerts, live: for a pane of its own')
    .description('Prints the state and what is wrong now, then each alert and each change, and rings for new alerts.')
    .action(call(async () => (await import('./verbs/monitor.ts')).monitor));
  program
    .command('events')
    .summary('what happened, and with --follow what happens')
    .description(
      'Prints what happened, one line each (the last 100, or all since a moment), and with --follow goes on.',
    )
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--since <id|duration>', 'after the event of this id, or in the last 30m, 2h, …')
    .option('--agent <agent>', 'only of this agent')
    .option('--task <task>', 'only of this task')
    .addOption(new Option('-n, --lines <n>', 'at most so many of the past').argParser(integer(0, 1_000_000)))
    .action(call(async () => (await import('./verbs/events.ts')).events));
  program
    .command('doctor')
    .summary('find what is missing, left over or in the way, and why')
    .description(
      'Looks at everything that swarm needs and leaves behind: programs, settings, sockets, processes, worktrees.',
    )
    .option('--fix', 'put right what can be put right without harm')
    .action(call(async () => (await import('./doctor/doctor.ts')).doctor));
  program
    .command('init')
    .summary('write a swarm.yaml for this repository')
    .description('Looks at the repository, asks a few questions and writes a commented swarm.yaml.')
    .option('-y, --yes', 'ask nothing: take what was found')
    .option('--force', 'replace the swarm.yaml that is there')
    .action(call(async () => (await import('./init/init.ts')).init));
  program
    .command('completion')
    .summary('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(call(async () => (await import('./complete/completion.ts')).completion));
  program
    .command('__complete', { hidden: true })
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .argument('[words...]')
    .action(
      call(async () => {
        const { complete } = await import('./complete/complete.ts');
        return (context, shell: Shell, words: string[]) => complete(context, program, shell, words);
      }),
    );
  // The other processes of the demonstration: who narrates in its terminal, and who clears up after it.
  program
    .command('__demo', { hidden: true })
    .addArgument(new Argument('<part>').choices(['narrate', 'clean-up']))
    .argument('<directory>')
    .argument('[record]')
    .action(
      call(async () => {
        const [{ narrate }, { cleanUpLater }] = await Promise.all([
          import('./demo/narrate.ts'),
          import('./demo/janitor.ts'),
        ]);
        return (context, part: string, directory: string, record?: string) =>
          part === 'narrate' ? narrate(context, directory, record) : cleanUpLater(context, directory);
      }),
    );
}
