import { SwarmError } from '../../domain/errors.ts';
import type { Attempt, TaskBody } from '../task/attempt.ts';
import type { AgentKind } from '../task/agent-kind.ts';
import type { AgentProcesses } from '../../worktree/processes.ts';
import { ShellTask, type ShellTaskDeps } from './shell-task.ts';

export interface ShellAgentDeps extends ShellTaskDeps {
  processes: AgentProcesses;
}

/** An agent of kind shell: runs the commands of its tasks, and no process between them. */
export class ShellAgent implements AgentKind {
  readonly #deps: ShellAgentDeps;
  readonly #running = new Map<Attempt, ShellTask>();

  constructor(deps: ShellAgentDeps) {
    this.#deps = deps;
  }

  able(): boolean {
    return true;
  }

  begin(): void {
    const { agent, slots } = this.#deps.spec;
    this.#deps.print(`${agent} waits for shell tasks (${slots} at once)`);
  }

  nothingToDo(): void {
    // There is no idle process to start.
  }

  body(attempt: Attempt): TaskBody {
    const body = new ShellTask(attempt, this.#deps);
    this.#running.set(attempt, body);
    this.#show();
    return body;
  }

  ended(attempt: Attempt): Promise<void> {
    this.#running.delete(attempt);
    this.#show();
    return Promise.resolve();
  }

  #show(): void {
    const { state, clock } = this.#deps;
    const turn = this.#running.size > 0 ? 'busy' : 'ready';
    const now = new Date(clock.now()).toISOString();
    const turnSince = state.current.turn === turn ? state.current.turnSince : now;
    state.update({ turn, turnSince, lastProgressAt: now });
  }

  restart(): Promise<null> {
    // No process lives between tasks, and nothing prevents the next one.
    return Promise.resolve(null);
  }

  async interrupt({ reason }: Parameters<AgentKind['interrupt']>[0]): Promise<{ ended: 'command' }> {
    const { processes, spec } = this.#deps;
    for (const body of this.#running.values()) body.cutShort(reason);
    if ((await processes.endWork(spec.stopGraceMs)) > 0) return { ended: 'command' };
    for (const body of this.#running.values()) body.cutShort(null);
    throw new SwarmError('nothing-to-interrupt', 'no command runs');
  }

  nudge(): never {
    throw new SwarmError('no-conversation', `${this.#deps.spec.agent} runs commands and reads no messages`);
  }

  answer(): never {
    throw new SwarmError('nothing-to-answer', 'a shell agent asks nothing');
  }

  send(): never {
    throw new SwarmError('no-conversation', `${this.#deps.spec.agent} runs commands and reads no messages`, {
      hint: 'Give it a task: `swarm task add TITLE --command …`.',
    });
  }

  sessionId(): null {
    return null;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
