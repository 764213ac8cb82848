import type { Command } from 'commander';
import type { SwarmClient } from '../../api/client.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { AGENT_MARK } from '../../domain/marks.ts';
import type { Interrupt } from './interrupt.ts';
import type { Output } from '../say/output.ts';

export interface Invocation {
  output: Output;
  interrupt: Interrupt;
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin: NodeJS.ReadStream;
  /** The command line as it was typed. */
  argv: readonly string[];
}

/** The context of every verb. */
export interface Context extends Invocation {
  /** True when a person can be asked: a terminal on both sides, and no program waits for a document. */
  interactive: boolean;
  /** For completion: commander's command of the verb that these words name, or all verbs where they name none. */
  program(words: readonly string[]): Promise<Command>;
}

/** The project that the current directory lies in, and its supervisor's API. */
export interface Project {
  layout: ProjectLayout;
  client: SwarmClient;
}

/** The agent in whose environment this program runs; null: none. */
export function agentAround(env: NodeJS.ProcessEnv): string | null {
  const mark = env[AGENT_MARK];
  return mark === undefined || mark === '' ? null : (mark.split('/')[1] ?? 'an agent');
}

/**
 * Refuses a verb inside an agent: undoing or approving an agent's own work is for people. Best effort: an agent may
 * unset the mark.
 */
export function refuseInsideAgent(env: NodeJS.ProcessEnv, verb: string): void {
  const agent = agentAround(env);
  if (agent === null) return;
  throw new SwarmError('inside-agent', `${verb} is refused inside an agent's environment (${agent})`, {
    hint: 'A person runs it in a terminal of their own.',
  });
}
