import { oneLine } from '../output.ts';
import type { VerifyCommand } from './detect.ts';

/** What the person, or the defaults, decided. */
export interface InitAnswers {
  workers: number;
  verify: VerifyCommand[];
  allow: string[];
  /** Null: whatever is checked out. */
  base: string | null;
  unanswered: 'wait' | 'deny';
}

/** A swarm.yaml with a word on each part, and with the rest of what is most often changed as comments. Pure. */
export function configText({ workers, verify, allow, base, unanswered }: InitAnswers): string {
  return `# swarm: the agents of this repository. Every key has a default; a wrong key is told with its line.
# What runs a program here (command, verify) is shown by \`swarm up\` and approved once.

agents:
  worker:
    # How many agents \`swarm up\` starts; \`swarm scale N\` changes it while they run.
    count: ${workers}
    # What agents may run without asking anybody, as rules of Claude Code.
${allow.length === 0 ? '    # allow: ["Bash(npm test:*)"]' : `    allow:\n${allow.map((rule) => `      - ${quote(rule)}`).join('\n')}`}
    # model: sonnet
    # restart: permanent

# Commands that prove a task's work before it counts as done. \`swarm task add … --verify NAME\` chooses one.
${verify.length === 0 ? '# verify:\n#   test: ["npm", "test"]' : `verify:\n${verify.map(verifyLine).join('\n')}`}
# The one for tasks that name none; without it nothing is checked.
${defaultVerify(verify)}

# Where tasks start from, and what \`swarm merge\` merges into. Without it: whatever branch is checked out.
${base === null ? '# base: main' : `base: ${quote(base)}`}

# A permission question that nobody answers: deny says no after a while and the agent goes on; wait waits.
permissions:
  unanswered: ${unanswered}
  # after: 10m

# tasks:
#   retries: 2
# broker:
#   url: amqp://user:password@host/vhost   # a RabbitMQ of your own
`;
}

function verifyLine({ name, argv, from }: VerifyCommand): string {
  return `  # from ${oneLine(from, 100)}\n  ${name}: [${argv.map(quote).join(', ')}]`;
}

function defaultVerify([first]: readonly VerifyCommand[]): string {
  return first?.name === 'test' ? 'defaultVerify: test' : '# defaultVerify: test';
}

/** JSON's strings are YAML's too, whatever stands in them. */
function quote(text: string): string {
  return JSON.stringify(text);
}
