import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { PRIORITIES, TASK_STATES } from '../domain/task.ts';
import { refuseInsideAgent, type Invocation } from './project/context.ts';
import { changeDirectory } from './project/project.ts';
import { addCheckpointCommands } from './checkpoint-commands.ts';
import { splitCommandLine } from './verbs/shell-argv.ts';
import { addUpkeepCommands } from './upkeep-commands.ts';
import { addWorkCommands } from './work-commands.ts';
import { usageError } from './usage.ts';
import { integer, type RunVerb, type Verb } from './verb.ts';

interface GlobalOptions {
  json?: boolean;
  debug?: boolean;
  directory?: string;
}

/** @returns the exit code. @throws SwarmError with code `usage` (exit code 2) for a wrong command line */
export async function run(world: Invocation): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(world, (code) => {
    exitCode = code;
  });
  if (world.argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  const { own } = splitCommandLine(world.argv);
  try {
    await program.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version were asked for and have been printed.
    if (error.exitCode === 0) return 0;
    throw usageError(error, program, own);
  }
  return exitCode;
}

export function buildProgram(world: Invocation, done: (exitCode: number) => void): Command {
  const program = new Command('swarm')
    .description('Coding agents, supervised: each in its own worktree, fed from a durable queue.')
    .version(manifest.version, '-V, --version')
    .option('--json', 'one JSON document on stdout and nothing else')
    .option('--debug', 'errors with their stack')
    .option('-C, --directory <dir>', 'work in this directory')
    .helpCommand('help [command]', 'the same as --help after a command')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    // Errors are printed in one place only, in main.
    .configureOutput({
      writeOut: (text) => void world.output.stdout.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .exitOverride();

  const call =
    <Args extends unknown[]>(load: () => Promise<Verb<Args>>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.pop() as Command;
      const globals = command.optsWithGlobals<GlobalOptions>();
      const cwd = globals.directory === undefined ? world.cwd : changeDirectory(world.cwd, globals.directory);
      const interactive = world.stdin.isTTY === true && world.output.isTerminal && !world.output.json;
      const verb = await load();
      const context = { ...world, cwd, interactive };
      try {
        done((await verb(context, ...(given as Args))) ?? 0);
      } catch (error) {
        await (await import('./project/build.ts')).tellOfUpdate(context, error);
        throw error;
      }
    };
  const forPeople = (name: string) => (): void => refuseInsideAgent(world.env, `swarm ${name}`);

  program
    .command('up')
    .summary('start the agents of this repository')
    .description(
      'Starts the agents of this repository: N workers, or as many as swarm.yaml says, or what was up before.',
    )
    .addArgument(new Argument('[n]', 'number of workers').argParser(integer(1, 200)))
    .option('--detach', 'print the table and give the terminal back, instead of opening the dashboard')
    .option('-y, --yes', "answer swarm's own questions with yes")
    .option('--trust', "answer Claude Code's question whether this repository is trusted with yes")
    .option('--include-dirty', 'let the agents begin with your uncommitted changes')
    .action(call(async () => (await import('./verbs/up.ts')).up));
  program
    .command('down')
    .summary('stop the agents and everything that serves them')
    .description(
      'Stops the agents and everything that serves them. Tasks, checkpoints and worktrees stay; `swarm up` goes on.',
    )
    .option('--purge', 'remove the worktrees and forget agents and tasks too (branches and checkpoints stay)')
    .option('--force', 'with --purge: move what is in no commit to checkpoints, instead of keeping such worktrees')
    .option('-y, --yes', 'do not ask')
    .hook('preAction', forPeople('down'))
    .action(call(async () => (await import('./verbs/down.ts')).down));
  program
    .command('status')
    .summary('what every agent does, and what waits for you')
    .action(call(async () => (await import('./verbs/status.ts')).status));
  program
    .command('dash')
    .summary('the dashboard: what needs you, agents, tasks and events, live')
    .option('--plain', 'what changes, line by line; so too without a terminal')
    .action(call(async () => (await import('./verbs/dash.ts')).dash));
  program
    .command('attach')
    .summary("look at an agent's terminal and talk to it")
    .argument('<agent>')
    .action(call(async () => (await import('./verbs/attach.ts')).attach));
  program
    .command('grid')
    .summary('the terminals of all agents side by side, to look at')
    .action(call(async () => (await import('./verbs/grid.ts')).grid));
  program
    .command('logs')
    .summary('print the log of an agent, the supervisor or the broker')
    .argument('<name>', 'an agent, `supervisor` or `broker`')
    .option('-f, --follow', 'go on with what is written from now on')
    .addOption(
      new Option('-n, --lines <n>', 'how many of the last lines').argParser(integer(0, 1_000_000)).default(100),
    )
    .action(call(async () => (await import('./verbs/logs.ts')).logs));

  const broker = program.command('broker').summary('the message broker').description('The RabbitMQ node of this user.');
  broker
    .command('status')
    .summary('whether it runs, where, and for whom')
    .action(call(async () => (await import('./verbs/broker.ts')).brokerStatus));
  broker
    .command('start')
    .summary('start it now; `up` does it when it is needed')
    .action(call(async () => (await import('./verbs/broker.ts')).brokerStart));
  broker
    .command('stop')
    .summary('stop it, unless a project uses it')
    .action(call(async () => (await import('./verbs/broker.ts')).brokerStop));

  addTaskCommands(program, call);

  addCheckpointCommands(program, call, forPeople);
  addWorkCommands(program, call, forPeople);
  program
    .command('diff')
    .summary('show what a task changed')
    .argument('<task>')
    .option('--stat', 'only which files, and how much')
    .action(call(async () => (await import('./verbs/result.ts')).diff));
  program
    .command('merge')
    .summary('bring the result of a task into a branch')
    .argument('<task>')
    .option('--into <branch>', 'the branch; default: the base branch')
    .hook('preAction', forPeople('merge'))
    .action(call(async () => (await import('./verbs/result.ts')).merge));

  program
    .command('answer')
    .summary('answer what an agent asks')
    .argument('<agent>')
    .argument('<answer...>', 'allow, deny [REASON], or the text of your answer')
    .option('--id <id>', 'which of its questions, where there are several')
    .hook('preAction', forPeople('answer'))
    .action(call(async () => (await import('./verbs/answer.ts')).answer));
  program
    .command('send')
    .summary('send a message to an agent: the next turn of its conversation')
    .argument('<agent>')
    .argument('<text...>', 'the message; - reads it from stdin')
    .option('--wait', 'until it is delivered: exit code 0 delivered, 1 refused, 3 timed out')
    .option('--timeout <duration>', 'wait so long at most')
    .action(call(async () => (await import('./verbs/answer.ts')).send));
  for (const [name, summary] of [
    ['stop', 'stop agents; their worktrees and conversations stay'],
    ['restart', 'end agents and start them again in the same conversation'],
    ['pause', 'let agents finish their turn and take no new task'],
    ['resume', 'let paused or stopped agents go on'],
  ] as const) {
    program
      .command(name)
      .summary(summary)
      .argument('<agent...>')
      .action(call(async () => (await import('./verbs/agents.ts')).setAgents(name)));
  }
  addUpkeepCommands(program, call);
  program
    .command('demo')
    .summary('see it all work, in a throw-away repository and without an account')
    .option('-y, --yes', 'install what is missing without asking')
    .description(
      'Shows it all in a throw-away repository, with a scripted model: tasks, a question, a kill, a rollback, a merge.',
    )
    .option('--keep', 'leave the repository and everything else in place at the end')
    .option('--record <file>', 'record what the terminal shows, for `asciinema play`')
    .action(call(async () => (await import('./demo/demo.ts')).demo));
  return program;
}

function addTaskCommands(program: Command, call: RunVerb): void {
  const task = program.command('task').summary('give work to the agents').description('Work for the agents.');
  task
    .command('add')
    .summary('add a task')
    .argument('<title>')
    .argument('[rest...]', '- reads the prompt from stdin; after -- comes the argv of a shell task, as after --command')
    .option('--prompt <text>', 'what the agent is told; the title serves where nothing is said')
    .option('--prompt-file <file>', 'the same, from a file')
    .addOption(new Option('--priority <priority>').choices(PRIORITIES))
    .option('--after <id...>', 'only when these are done; their code is merged in')
    .option('--on <id>', 'go on from the tip of this task')
    .option('--needs <capability...>', 'only for agents that have these')
    .option('--agent <id>', 'only for this agent')
    // Taken out before commander reads the rest (shell-argv.ts); here for help, completion, and where it has no value.
    .option(
      '--command <argv...>',
      'run this instead of asking a model: a program and its arguments, to the end of line',
    )
    .option('--timeout <duration>', 'of one attempt, e.g. 30m')
    .addOption(new Option('--retries <n>', 'further attempts after a failed one').argParser(integer(0, 100)))
    .option('--verify <name>', 'the verify command of swarm.yaml that decides; none for no check')
    .addOption(new Option('--budget <usd>', 'at most this much money').argParser(dollars))
    .option('--key <key>', 'adding it again with the same key adds nothing')
    .action(call(async () => (await import('./verbs/task-add.ts')).addTask));
  task
    .command('ls')
    .summary('list the tasks')
    .addOption(new Option('--state <state>', 'only these').choices(TASK_STATES))
    .addOption(new Option('--limit <n>', 'at most so many').argParser(integer(1, 100_000)).default(50))
    .action(call(async () => (await import('./verbs/task.ts')).listTasks));
  task
    .command('show')
    .summary('show a task with its attempts and its result')
    .argument('<task>')
    .action(call(async () => (await import('./verbs/task.ts')).showTask));
  task
    .command('wait')
    .summary('wait until tasks have ended: exit code 0 done, 1 dead or cancelled, 3 timed out')
    .argument('<task...>')
    .option('--timeout <duration>', 'give up after this, e.g. 10m')
    .action(call(async () => (await import('./verbs/task-wait.ts')).waitForTasks));
  task
    .command('cancel')
    .summary('cancel tasks')
    .argument('<task...>')
    .action(call(async () => (await import('./verbs/task.ts')).cancelTasks));
  task
    .command('retry')
    .summary('try dead or cancelled tasks again')
    .argument('<task...>')
    .action(call(async () => (await import('./verbs/task.ts')).retryTasks));
}

function dollars(text: string): number {
  const value = Number(text.replace(/^\$/, ''));
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('An amount of US dollars above 0 is accepted.');
}
