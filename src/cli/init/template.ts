import { oneLine } from '../say/output.ts';
import type { VerifyCommand } from './types.ts';
import type { WorktreeNeeds } from './worktree.ts';

/** Decisions of the person, or the defaults. */
export interface InitAnswers {
  workers: number;
  verify: VerifyCommand[];
  allow: string[];
  /** Null: the checked-out branch. */
  base: string | null;
  unanswered: 'wait' | 'deny';
  worktree: WorktreeNeeds;
}

/**
 * The text of a swarm.yaml with a word on each part, and with the other keys that are often changed as comments. Pure.
 */
export function configText({ workers, verify, allow, base, unanswered, worktree }: InitAnswers): string {
  return `# swarm: the agents of this repository. Every key has a default; a wrong key is told with its line.
# What runs a program here (command, verify, setup) is shown by \`swarm up\` and approved once.

agents:
  worker:
    # How many agents \`swarm up\` starts; \`swarm scale N\` changes it while they run.
    count: ${workers}
    # What agents may run without asking, as rules of Claude Code.
${allow.length === 0 ? '    # allow: ["Bash(npm test:*)"]' : `    allow:\n${allow.map((rule) => `      - ${quote(rule)}`).join('\n')}`}
    # model: sonnet
    # restart: permanent

# Commands that prove a task's work before it counts as done. \`swarm task add … --verify NAME\` chooses one.
${verify.length === 0 ? '# verify:\n#   test: ["npm", "test"]' : `verify:\n${verify.map(verifyLine).join('\n')}`}
# The one for tasks that name none; without it nothing is checked.
${defaultVerify(verify)}

# A worktree has only what git tracks. What else work needs is copied or linked from your checkout, or installed.
${worktreeText(worktree)}

# Where tasks start from, and what \`swarm merge\` merges into. Without it: whatever branch is checked out.
${base === null ? '# base: main' : `base: ${quote(base)}`}

# A permission question without an answer: deny says no after a while and the agent goes on; wait waits.
permissions:
  unanswered: ${unanswered}
  # after: 10m

# tasks:
#   retries: 2
# broker:
#   url: amqp://user:password@host/vhost   # a RabbitMQ of your own
`;
}

function worktreeText({ copy, link, setup }: WorktreeNeeds): string {
  if (copy.length + link.length + setup.length === 0) {
    return '# worktree:\n#   copy: [".env*"]\n#   setup: ["npm", "ci"]';
  }
  const list = (words: readonly string[]): string => `[${words.map(quote).join(', ')}]`;
  const commands = setup.map(({ argv }) => list(argv));
  return [
    'worktree:',
    copy.length === 0 ? '  # copy: [".env*"]' : `  copy: ${list(copy)}`,
    link.length === 0
      ? '  # link: ["node_modules"]   # shared: what one agent installs, all have'
      : `  link: ${list(link)}`,
    ...(setup[0] === undefined ? ['  # setup: ["npm", "ci"]'] : [`  # from ${oneLine(setup[0].from, 100)}`]),
    ...(commands.length === 1 ? [`  setup: ${commands[0]}`] : []),
    ...(commands.length > 1 ? ['  setup:', ...commands.map((command) => `    - ${command}`)] : []),
    '  # setupTimeout: 15m',
    '  # ports: {base: 20000, size: 20}   # each agent has a block of its own, from $SWARM_PORT_BASE on',
  ].join('\n');
}

function verifyLine({ name, argv, from }: VerifyCommand): string {
  return `  # from ${oneLine(from, 100)}\n  ${name}: [${argv.map(quote).join(', ')}]`;
}

function defaultVerify([first]: readonly VerifyCommand[]): string {
  return first?.name === 'test' ? 'defaultVerify: test' : '# defaultVerify: test';
}

/** JSON's strings are YAML's too, whatever characters are in them. */
function quote(text: string): string {
  return JSON.stringify(text);
}
