import { SwarmError } from '../domain/errors.ts';
import type { Attempt, TaskBody } from './attempt.ts';
import type { AgentKind } from './kind.ts';
import type { Workspace } from './ports.ts';
import { ShellBody, type ShellDependencies } from './shell-body.ts';

/** Runs the commands of shell tasks; it has no process of its own between them. */
export class ShellAgent implements AgentKind {
  readonly #deps: ShellDependencies;
  readonly #workspace: Workspace;
  readonly #running = new Set<Attempt>();

  /** @param workspace of slot 0 */
  constructor(deps: ShellDependencies, workspace: Workspace) {
    this.#deps = deps;
    this.#workspace = workspace;
  }

  able(): boolean {
    return true;
  }

  begin(): void {
    const { agent, slots } = this.#deps.spec;
    this.#deps.print(`${agent} waits for shell tasks (${slots} at once)`);
  }

  nothingToDo(): void {
    // It has nothing that it could start for a person.
  }

  body(attempt: Attempt): TaskBody {
    this.#running.add(attempt);
    this.#show();
    return new ShellBody(attempt, this.#deps);
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
    // Nothing of it lives between tasks; `failure` is cleared by the caller.
    return Promise.resolve(null);
  }

  answer(): never {
    throw new SwarmError('nothing-to-answer', 'a shell agent asks nothing');
  }

  send(): never {
    throw new SwarmError('no-conversation', `${this.#deps.spec.agent} runs commands and reads no messages`, {
      hint: 'Give it a task: `swarm task add TITLE --command …`.',
    });
  }

  async rollback(n: number): Promise<unknown> {
    if ([...this.#running].some((attempt) => attempt.order.slot === 0)) {
      throw new SwarmError('busy', 'a command is running in that worktree', {
        hint: 'Wait for it, or cancel its task first.',
        retrySafe: true,
      });
    }
    return await this.#workspace.restore(n);
  }

  sessionId(): null {
    return null;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
