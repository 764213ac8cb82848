import path from 'node:path';
import type { AgentSpec } from '../../coordination/link.ts';
import { NO_USAGE, type Usage } from '../../domain/agent.ts';
import { AGENT_MARK } from '../../domain/marks.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Attempt, BodyOutcome, TaskBody } from '../task/attempt.ts';
import { startFailure } from '../task/start-failure.ts';
import { exitText, runCommand, type CommandEnd } from '../../worktree/command.ts';
import type { Processes } from '../../worktree/processes.ts';
import { tail } from '../../lib/text.ts';
import { markOf } from '../contract/spec.ts';
import type { AgentState } from '../contract/state.ts';

const SUMMARY_CHARS = 2_000;

export interface ShellTaskDeps {
  spec: AgentSpec;
  /** The environment for a program that starts now. */
  env(): Readonly<Record<string, string>>;
  processes: Processes;
  clock: Clock;
  state: AgentState;
  /** Prints a line into the pane, for a person who looks at it. */
  print(line: string): void;
}

/** A shell task: one program, whose exit code is the result. */
export class ShellTask implements TaskBody {
  readonly resolvesConflicts = false;
  readonly #attempt: Attempt;
  readonly #deps: ShellTaskDeps;
  #cut: string | null = null;

  constructor(attempt: Attempt, deps: ShellTaskDeps) {
    this.#attempt = attempt;
    this.#deps = deps;
  }

  /**
   * Sets why its command is about to be ended: then the task has failed, whatever the command's exit code. Null: it
   * goes on.
   */
  cutShort(reason: string | null): void {
    this.#cut = reason;
  }

  /** Nothing to wait for: a slot's commands run one after the other. */
  async ready(): Promise<void> {}

  async wasTold(): Promise<boolean> {
    return false;
  }

  async work(): Promise<BodyOutcome> {
    const { order, workspace, signal } = this.#attempt;
    const { spec, env, processes, clock, print } = this.#deps;
    const argv = order.command ?? [];
    const mark = markOf(spec, order);
    const startedAt = clock.monotonic();
    this.#cut = null;
    await workspace.begun(order, null);
    print(`▶ ${order.task} (attempt ${order.attempt}) ${argv.join(' ')}`);
    const end = await runCommand({
      argv,
      cwd: workspace.path,
      env: { ...env(), SWARM_WORKTREE: workspace.path, [AGENT_MARK]: mark },
      mark,
      outputFile: path.join(spec.logsDir, spec.agent, `${order.task}-${order.attempt}.log`),
      signal,
      graceMs: spec.stopGraceMs,
      processes,
    });
    const how = this.#attempt.brokenOff ?? exitText(end);
    print(`■ ${order.task} ${how} (${((clock.monotonic() - startedAt) / 1000).toFixed(1)} s)`);
    return this.#attempt.brokenOff === null ? this.#outcome(argv, end) : { kind: 'broken-off' };
  }

  #outcome(argv: readonly string[], end: CommandEnd): BodyOutcome {
    const summary = tail(end.tail, SUMMARY_CHARS);
    if (end.startError !== null)
      return { kind: 'failed', ...startFailure(end.startError, this.#attempt.order.task, 'own'), summary };
    if (end.code === 0 && this.#cut === null) return { kind: 'done', summary };
    const why = this.#cut === null ? exitText(end) : `ended, because ${this.#cut}`;
    return { kind: 'failed', errorClass: 'agent', error: `${argv.join(' ')}: ${why}\n${summary}`, summary };
  }

  /** A shell command cannot mend anything. */
  mend(): Promise<null> {
    return Promise.resolve(null);
  }

  sessionId(): null {
    return null;
  }

  usage(): Promise<Usage> {
    return Promise.resolve({ ...NO_USAGE });
  }
}
