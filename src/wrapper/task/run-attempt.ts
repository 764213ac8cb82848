import path from 'node:path';
import type { Logger } from 'pino';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { AgentSpec, HeldTask } from '../../coordination/link.ts';
import type { TaskOrder, TaskResult } from '../../coordination/messages.ts';
import { errorText, SwarmError } from '../../domain/errors.ts';
import { AGENT_MARK } from '../../domain/marks.ts';
import type { BegunTask } from '../../git/worktree/worktree-task.ts';
import type { Clock } from '../../lib/clock.ts';
import { startProblem, type StartError } from '../../lib/start-error.ts';
import type { Attempt, BodyOutcome, BreakOff, TaskBody, VerifyFailure } from './attempt.ts';
import { exitText, runCommand } from '../../worktree/command.ts';
import type { Captured, Tip } from '../contract/effects.ts';
import type { Processes } from '../../worktree/processes.ts';
import { clip } from '../../lib/text.ts';
import { NO_PREPARATION, type Preparation } from './prompt.ts';
import { markOf } from '../contract/spec.ts';
import { liesIn, startFailure } from './start-failure.ts';
import type { AgentState } from '../contract/state.ts';
import { SurvivorsError } from '../../worktree/survivors.ts';

const TEXT_MAX = 20_000;
const NOTES_MAX = 50;
const NOTE_MAX = 2_000;
/** How long the wrapper waits before it tries again to end processes that survived SIGKILL, ms. */
const SURVIVORS_RETRY_MS = 5_000;

export interface AttemptDeps {
  spec: AgentSpec;
  /** The person's environment, for a program that starts now. */
  env(): Readonly<Record<string, string>>;
  processes: Processes;
  state: AgentState;
  event<N extends WrapperEventName>(name: N, task: string | null, data: EventMap[N]): void;
  clock: Clock;
  log: Logger;
}

type Ending = Pick<TaskResult, 'outcome' | 'errorClass' | 'error' | 'summary'>;

/** Lives through one attempt, from its order to its result. Never throws: what goes wrong is in the result. */
export async function liveAttempt(attempt: Attempt, body: TaskBody, deps: AttemptDeps): Promise<TaskResult> {
  const { order } = attempt;
  const life = new AttemptRun(attempt, body, deps);
  attempt.startTimeout(deps.clock);
  let ending: Ending;
  try {
    ending = await life.work();
  } catch (error) {
    deps.log.error({ task: order.task, attempt: order.attempt, err: error }, 'an attempt failed');
    if (error instanceof SurvivorsError) await untilGone(error, attempt, deps);
    ending = failureOf(error, order.task);
  } finally {
    attempt.stopTimeout();
  }
  deps.state.setTask(attempt.held('reporting', iso(deps)));
  return {
    task: order.task,
    attempt: order.attempt,
    agent: deps.spec.agent,
    ...ending,
    commit: life.tip?.commit ?? null,
    branch: life.tip?.branch ?? null,
    notes: life.notes.slice(0, NOTES_MAX).map((note) => clip(note, NOTE_MAX)),
    sessionId: attempt.sessionId,
    usage: await body.usage(),
    startedAt: attempt.startedAt,
    endedAt: iso(deps),
  };
}

/**
 * Waits until no process of the attempt lives. Its result lets the next attempt begin, on this agent or another: so the
 * result is told only when nothing of this attempt works on. The survivors may also be those of the attempt before:
 * with them each further task here would fail in the same way.
 */
async function untilGone(
  { mark, message: detail }: SurvivorsError,
  { order }: Attempt,
  { spec, processes, event, clock, log }: AttemptDeps,
): Promise<void> {
  event('task.survivors', order.task, { attempt: order.attempt, detail });
  for (let gone = false; !gone;) {
    await new Promise<void>((resolve) => void clock.after(SURVIVORS_RETRY_MS, resolve));
    try {
      await processes.endMarked(mark, spec.stopGraceMs);
      gone = true;
    } catch (error) {
      log.warn({ task: order.task, attempt: order.attempt, err: error }, 'something of an attempt lives on');
    }
  }
}

class AttemptRun {
  readonly #attempt: Attempt;
  readonly #body: TaskBody;
  readonly #deps: AttemptDeps;
  tip: Tip | null = null;
  /** What a person should know of the result, as of the last turn. */
  notes: readonly string[] = [];

  constructor(attempt: Attempt, body: TaskBody, deps: AttemptDeps) {
    this.#attempt = attempt;
    this.#body = body;
    this.#deps = deps;
  }

  async work(): Promise<Ending> {
    const attempt = this.#attempt;
    this.#enter('preparing');
    await this.#body.ready();
    if (attempt.brokenOff !== null) return brokenOff(attempt.brokenOff, attempt);
    const preparation = await this.#prepare();
    if (attempt.brokenOff !== null) return brokenOff(attempt.brokenOff, attempt);
    if (preparation.conflict !== null && !this.#body.resolvesConflicts) {
      const { task, files } = preparation.conflict;
      return failed('conflict', `the result of ${task} conflicts with the others in: ${files.join(', ')}`);
    }
    const unverifiable = this.#verifyProblem();
    if (unverifiable !== null) return this.#cannotStart(unverifiable);
    this.#enter('running');
    let outcome = await this.#body.work(preparation);
    for (let mends = 0; ; mends += 1) {
      // An attempt that was given to another agent must not touch the branch: that agent may be at work on it.
      const unresolved = attempt.brokenOff === 'dropped' ? [] : await this.#keep();
      if (outcome.kind !== 'done') return endingOf(outcome, attempt);
      const failure = unresolved.length > 0 ? conflictFailure(unresolved) : await this.#verify(mends + 1);
      if (attempt.brokenOff !== null) return brokenOff(attempt.brokenOff, attempt);
      const summary = clip(outcome.summary, TEXT_MAX);
      if (failure === null) return { outcome: 'done', errorClass: null, error: null, summary };
      if (failure.startError !== undefined) return { ...this.#cannotStart(failure.startError), summary };
      this.#enter('running');
      const mended = mends < attempt.order.verifyFollowUps ? await this.#body.mend(failure) : null;
      if (mended === null) {
        const error = clipStart(`${failure.what}: ${failure.exit}\n${failure.output}${this.#lacks(failure)}`);
        return { ...failed(unresolved.length > 0 ? 'conflict' : 'verify', error), summary };
      }
      outcome = mended;
    }
  }

  async #prepare(): Promise<Preparation> {
    const { order, workspace, signal } = this.#attempt;
    try {
      await workspace.ensure(signal);
    } catch (error) {
      // The attempt was broken off in the middle of the set-up: there is nothing to capture, and no failure to report.
      if (this.#attempt.brokenOff === null) throw error;
      return NO_PREPARATION;
    }
    const link = await workspace.relink();
    if (link !== null) this.#note(link);
    const begun = await this.#begun();
    // Before anything is changed: if the checkpoint fails, so does the attempt, and the earlier files still lie in the
    // worktree.
    const captured = await this.#capture('task-start', begun?.sessionId);
    const { ports } = this.#deps.spec;
    if (begun !== null) {
      const { sessionId } = begun;
      await workspace.begun(order, sessionId);
      return { ...NO_PREPARATION, resumed: true, sessionId, ports };
    }
    const prepared = await workspace.prepare(order, captured.commit);
    this.tip = { commit: prepared.commit, branch: prepared.branch };
    if (order.slot === 0) this.#deps.state.update({ branch: prepared.branch });
    const { leftovers, aside } = prepared;
    for (const note of prepared.notes) this.#note(note);
    if (aside.length > 0) {
      const { log } = this.#deps;
      log.warn({ task: order.task, leftovers, aside }, 'what no checkpoint holds was moved aside: take it from there');
    }
    const checkpoint = leftovers.length > 0 ? captured.n : null;
    return { ...prepared, resumed: false, checkpoint, sessionId: null, ports };
  }

  #note(note: string): void {
    const { task, attempt } = this.#attempt.order;
    this.#deps.event('task.note', task, { attempt, note });
  }

  /** The earlier work that the order goes on with; null: it begins anew. */
  async #begun(): Promise<BegunTask | null> {
    const { order, workspace } = this.#attempt;
    if (order.resume === null) return null;
    const begun = goesOnWith(order, await workspace.begunTask());
    if (begun === null || order.resume.since === 0) return begun;
    // Without a single prompt said there is no work to go on with, and the findings of its preparation would be missing
    // from the prompt.
    return begun.sessionId !== null && (await this.#body.wasTold(begun.sessionId)) ? begun : null;
  }

  /**
   * Keeps the work after a turn: first everything as it is in a checkpoint, then a commit on the branch.
   * @returns files with unresolved conflicts
   */
  async #keep(): Promise<string[]> {
    const { order, workspace } = this.#attempt;
    const link = await workspace.relink();
    try {
      await this.#capture('turn-end');
    } catch (error) {
      this.#deps.log.error(
        { task: order.task, error: errorText(error) },
        'the checkpoint at the end of the turn failed',
      );
    }
    const { commit, branch, unresolved, notes } = await workspace.commit(order);
    this.tip = { commit, branch };
    this.notes = link === null ? notes : [link, ...notes];
    return unresolved;
  }

  /**
   * Takes a checkpoint.
   * @param inHand the conversation that it belongs to, where that is not the agent's current one yet
   */
  async #capture(reason: string, inHand?: string | null): Promise<Captured> {
    const { order, workspace } = this.#attempt;
    const { task, attempt, slot } = order;
    const sessionId = inHand ?? this.#body.sessionId();
    const captured = await workspace.capture({ reason, task, attempt, sessionId });
    if (slot === 0) this.#deps.state.update({ checkpoint: { n: captured.n, at: iso(this.#deps) } });
    return captured;
  }

  /**
   * Why the verify command could not be started, found before any work is done for nothing. Null: as far as swarm can
   * see it can be started.
   */
  #verifyProblem(): StartError | null {
    const { order, workspace } = this.#attempt;
    if (order.verify === null) return null;
    const { name, argv } = order.verify;
    const [program = ''] = argv;
    if (liesIn(workspace.path, program)) return null;
    const place = { program, cwd: workspace.path, searchPath: this.#deps.env()['PATH'] };
    return startProblem(place, { setting: `verify.${name}` });
  }

  #cannotStart(error: StartError): Ending {
    const { errorClass, error: text } = startFailure(error, this.#attempt.order.task, 'verify');
    return failed(errorClass, text);
  }

  /** Runs the verify command. @param next number of the follow-up that a failure leads to, if there is one more */
  async #verify(next: number): Promise<VerifyFailure | null> {
    const { spec, env, processes, event } = this.#deps;
    const { order, workspace, signal } = this.#attempt;
    if (order.verify === null) return null;
    this.#enter('verifying');
    // A mark of its own tells its leftovers from the agent that lives on in the pane.
    const mark = `${markOf(spec, order)}/verify`;
    const { name, argv } = order.verify;
    const end = await runCommand({
      argv,
      names: { setting: `verify.${name}` },
      cwd: workspace.path,
      env: { ...env(), SWARM_WORKTREE: workspace.path, [AGENT_MARK]: mark },
      mark,
      outputFile: path.join(spec.logsDir, spec.agent, `${order.task}-${order.attempt}.verify.log`),
      signal,
      graceMs: spec.stopGraceMs,
      processes,
    });
    if (this.tip !== null) await workspace.clean(this.tip.commit);
    const ok = end.code === 0;
    const of = order.verifyFollowUps;
    const more = ok || next > of ? {} : { followUp: next, of };
    event('task.verified', order.task, { attempt: order.attempt, ok, exit: exitText(end), ...more });
    if (ok) return null;
    const failure = { what: argv.join(' '), exit: exitText(end), output: end.tail };
    const { startError } = end;
    return startError?.lasting !== true || liesIn(workspace.path, argv[0] ?? '') ? failure : { ...failure, startError };
  }

  /**
   * A hint for the person who reads why the check failed: the commonest cause where swarm.yaml does not say what
   * worktrees need.
   */
  #lacks({ output }: VerifyFailure): string {
    const { setup } = this.#deps.spec;
    if (setup === undefined || setup.copy.length + setup.link.length + setup.commands.length > 0) return '';
    if (!/not found|cannot find|no such file|no module named|ENOENT|could not open|can't open/i.test(output)) return '';
    return '\n(A worktree has only what git tracks. If something else is missing: worktree.copy, link and setup in swarm.yaml; `swarm init` proposes them.)';
  }

  #enter(phase: HeldTask['phase']): void {
    this.#deps.state.setTask(this.#attempt.held(phase, iso(this.#deps)));
  }
}

/**
 * What was begun in the worktree, if the order is to go on with it; null where it belongs to another task or to an
 * attempt before `resume.since`. Pure.
 */
export function goesOnWith({ task, resume }: TaskOrder, begun: BegunTask | null): BegunTask | null {
  return resume !== null && begun?.task === task && begun.attempt >= resume.since ? begun : null;
}

function conflictFailure(files: readonly string[]): VerifyFailure {
  return { what: 'git commit', exit: 'unresolved conflicts', output: files.join('\n') };
}

/** A cause that waiting does not mend is told with its cure, and no further attempt is spent on it. */
function failureOf(error: unknown, task: string): Ending {
  if (!(error instanceof SwarmError) || !error.lasting) return failed('setup', errorText(error));
  return failed('repository', `${error.message}.\n${error.hint ?? ''} Then \`swarm task retry ${task}\`.`);
}

function endingOf(outcome: Exclude<BodyOutcome, { kind: 'done' }>, attempt: Attempt): Ending {
  switch (outcome.kind) {
    case 'failed':
      return { ...failed(outcome.errorClass, outcome.error), summary: clip(outcome.summary, TEXT_MAX) };
    case 'lost':
      return { outcome: 'lost', errorClass: 'lost', error: clip(outcome.error, TEXT_MAX), summary: '' };
    case 'given-back':
      return { outcome: 'released', errorClass: null, error: clip(outcome.error, TEXT_MAX), summary: '' };
    case 'broken-off':
      return brokenOff(attempt.brokenOff ?? 'cancelled', attempt);
  }
}

function brokenOff(reason: BreakOff, { order }: Attempt): Ending {
  switch (reason) {
    case 'timeout':
      return {
        outcome: 'timeout',
        errorClass: 'timeout',
        error: `it took longer than ${(order.timeoutMs ?? 0) / 1000} s`,
        summary: '',
      };
    case 'budget':
      return failed('budget', `it went over its budget of ${order.budgetUsd} USD`);
    case 'cancelled':
      return { outcome: 'cancelled', errorClass: null, error: null, summary: '' };
    case 'released':
    case 'dropped':
      return { outcome: 'released', errorClass: null, error: null, summary: '' };
  }
}

function failed(errorClass: NonNullable<TaskResult['errorClass']>, error: string): Ending {
  return { outcome: 'failed', errorClass, error: clip(error, TEXT_MAX), summary: '' };
}

function clipStart(text: string): string {
  return text.length <= TEXT_MAX ? text : text.slice(-TEXT_MAX);
}

function iso(deps: AttemptDeps): string {
  return new Date(deps.clock.now()).toISOString();
}
