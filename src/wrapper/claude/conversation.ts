import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { AgentSpec } from '../../coordination/link.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { KeyedMutex } from '../../lib/mutex.ts';
import { obstacleTo, StartError } from '../../lib/start-error.ts';
import { pause, type Clock } from '../../lib/clock.ts';
import { exitWords, type ClaudePane, type PaneExit } from './claude-pane.ts';
import type { ModelAccess } from './model-access.ts';
import { PaneGuard } from './pane-guard.ts';
import { TurnWaits } from './turn-waits.ts';
import { NO_RESTARTS, afterDeath, type RestartDecision } from './restart-policy.ts';
import type { SettingsWatch } from './settings-watch.ts';
import type { Terminal } from '../contract/effects.ts';
import type { AgentState } from '../contract/state.ts';
import { apiText, restOf, type Rest } from './turn-end.ts';
import { goOn, openTurn, type Opening, type TurnRequest } from './opening.ts';

const LANE = 'pane';
/** How often swarm looks whether a program that could not be started can be by now, ms. */
const LOOK_AGAIN_MS = 3_000;

export type TurnResult =
  | { kind: 'ended'; lastMessage: string | null }
  | { kind: 'api'; error: string }
  | { kind: 'lost'; error: string }
  /** The program cannot be started, and waiting does not mend that. */
  | { kind: 'cannot-start'; error: string }
  | { kind: 'broken-off' };

export interface ConversationDeps {
  spec: AgentSpec;
  pane: ClaudePane;
  terminal: Terminal;
  state: AgentState;
  access: ModelAccess;
  settings: Pick<SettingsWatch, 'look' | 'clear'>;
  sessionExists(sessionId: string): Promise<boolean>;
  hasPrompt(sessionId: string, prompt: string): Promise<boolean>;
  /** Takes a checkpoint of the worktree as a dead process left it. */
  captureCrash(): Promise<void>;
  event<N extends WrapperEventName>(name: N, data: EventMap[N]): void;
  clock: Clock;
  log: Logger;
}

type Step =
  | Rest
  | { kind: 'died'; detail: string; exit: PaneExit | null }
  | { kind: 'cannot-start'; error: SwarmError }
  | { kind: 'interrupted' }
  /** A hold of the fleet ends this turn too, before its next request. */
  | { kind: 'held' }
  | { kind: 'broken-off' };

interface Interruption {
  prompt: string;
  /** Ends the process and carries the action out. Never throws: its error goes to the caller of `interrupt`. */
  carryOut(): Promise<void>;
}

/**
 * One conversation after another in one pane: decides when a process is started there, and what happens when one dies.
 */
export class Conversation {
  readonly #deps: ConversationDeps;
  readonly #lane = new KeyedMutex();
  #sessionId: string | null;
  #history = NO_RESTARTS;
  #inTurn = false;
  #starting = false;
  #stopped = false;
  #interruption: Interruption | null = null;
  #wake = new AbortController();
  /** Ends the wait for a program that could not be started. */
  #look = new AbortController();
  readonly #guard: PaneGuard;
  readonly #patience: TurnWaits;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    this.#sessionId = deps.spec.resume?.sessionId ?? null;
    this.#guard = new PaneGuard(deps);
    this.#patience = new TurnWaits({
      ...deps,
      guard: this.#guard,
      wake: () => this.#wake.signal,
      interrupted: () => this.#interruption !== null,
      carryOut: () => this.#carryOutInterruption(),
    });
    deps.pane.changes.on(() => {
      // A person's /clear begins another conversation; swarm goes on with that one.
      if (deps.pane.alive) this.#sessionId = deps.pane.turn?.sessionId ?? this.#sessionId;
    });
  }

  get sessionId(): string | null {
    return this.#sessionId;
  }

  /** Whether anything was said in the conversation. */
  exists(sessionId: string): Promise<boolean> {
    return this.#deps.sessionExists(sessionId);
  }

  /** A turn that swarm began is under way, or waits for the pane. */
  get inTurn(): boolean {
    return this.#lane.held(LANE);
  }

  /** Starts an idle process for the person, unless one lives. Never throws. */
  async idle(): Promise<void> {
    await this.#lane.run(LANE, () => this.#idle());
  }

  /**
   * Waits until the pane is free, and ends the process there. A person's draft, or a turn that a person began, comes to
   * its end first.
   */
  async ready(request: Pick<TurnRequest, 'signal' | 'waits'>): Promise<void> {
    await this.#occupied(request.signal, async () => {
      if (await this.#patience.mayBegin(request)) await this.#deps.pane.end();
    });
  }

  /**
   * Runs one turn, from a free pane to its end. Deaths, API failures and interruptions in between are dealt with here.
   */
  async turn(request: TurnRequest): Promise<TurnResult> {
    return await this.#occupied(request.signal, () => this.#turn(request));
  }

  async #occupied<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return await this.#lane.run(LANE, async () => {
      this.#inTurn = true;
      // A start that is broken off would otherwise wait for its session first.
      const abort = (): void => void this.#deps.pane.end().catch(() => this.#deps.log.debug('the turn ends it again'));
      signal.addEventListener('abort', abort);
      try {
        return await work();
      } finally {
        signal.removeEventListener('abort', abort);
        // An interruption that came too late for the turn is carried out after it: it would stay without an answer.
        while (this.#interruption !== null) await this.#carryOutInterruption();
        this.#inTurn = false;
        this.#guard.turnEnded();
        this.#deps.access.permits.left();
        if (this.#deps.state.current.held !== null) this.#deps.state.update({ held: null });
      }
    });
  }

  /**
   * Ends the process, does `action`, and goes on: with the same turn if one is under way, else idle.
   * @param prompt what the agent is told when its turn was cut short
   */
  async interrupt<T>(prompt: string, action: () => Promise<T>): Promise<T> {
    this.#history = NO_RESTARTS;
    if (this.#interruption !== null) throw new SwarmError('busy', 'it is just being restarted', { retrySafe: true });
    if (this.#inTurn) {
      const outcome = Promise.withResolvers<T>();
      const { pane } = this.#deps;
      this.#interruption = {
        prompt,
        carryOut: () => pane.end().then(action).then(outcome.resolve, outcome.reject),
      };
      this.#wake.abort();
      this.#deps.pane.changes.emit();
      return await outcome.promise;
    }
    return await this.#lane.run(LANE, async () => {
      await this.#deps.pane.end();
      const result = await action();
      await this.#idle();
      return result;
    });
  }

  /** Ends the process for good. Turns under way must have been broken off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#wake.abort();
    this.#look.abort();
    await this.#deps.pane.close(graceMs);
  }

  /** The process ended unasked while swarm had no turn under way in it. */
  died(exit: PaneExit): void {
    this.#noteExit(exit, exitWords(exit));
    if (this.#inTurn || this.#starting || this.#stopped) return;
    void this.#idleEnded(exit.uptimeMs, exit.code === 0, exitWords(exit));
  }

  async #turn(request: TurnRequest): Promise<TurnResult> {
    let delivered = false;
    let next = await openTurn(request, this.#sessionId, this.#deps);
    for (let failures = 0; ;) {
      if (!(await this.#patience.mayBegin(request))) return await this.#breakOff();
      await this.#deps.pane.end();
      const step = await this.#once(next, request, () => {
        if (!delivered) request.delivered?.();
        delivered = true;
      });
      if (step.kind === 'ended') return step;
      if (step.kind === 'broken-off' || request.signal.aborted) return await this.#breakOff();
      if (request.settled?.() === true) return { kind: 'ended', lastMessage: null };
      if (step.kind === 'api-failure') {
        const outlasted = await this.#patience.outlast(step, failures + 1, request);
        if (outlasted === 'given-up' && this.#interruption === null) return { kind: 'api', error: apiText(step) };
        // A failure that all agents share does not count as one of this turn.
        failures = outlasted === 'shared' ? 0 : failures + 1;
        if (this.#interruption !== null) await this.#carryOutInterruption();
        next = await goOn(request, delivered, this.#sessionId, this.#deps, request.retry(), apiText(step));
      } else if (step.kind === 'held') {
        await this.#deps.pane.end();
        const why = this.#deps.access.permits.closed?.detail ?? 'the agents were held';
        next = await goOn(request, delivered, this.#sessionId, this.#deps, request.interrupted(why), why);
      } else if (step.kind === 'interrupted') {
        const prompt = await this.#carryOutInterruption();
        next = await goOn(request, delivered, this.#sessionId, this.#deps, prompt, 'it was restarted');
      } else if (step.kind === 'cannot-start') {
        const error = this.#cannotStart(step.error);
        if (this.#interruption === null) return { kind: 'cannot-start', error };
        // A person has asked for another try meanwhile: this is it.
        const prompt = await this.#carryOutInterruption();
        this.#deps.state.update({ failure: null });
        next = await goOn(request, delivered, this.#sessionId, this.#deps, prompt, 'it was restarted');
      } else {
        const given = await this.#bury(step, request.signal);
        if (given !== null) return { kind: 'lost', error: given };
        next = await goOn(
          request,
          delivered,
          this.#sessionId,
          this.#deps,
          request.interrupted(step.detail),
          step.detail,
        );
      }
    }
  }

  async #once(next: Opening, request: TurnRequest, delivered: () => void): Promise<Step> {
    const { pane } = this.#deps;
    this.#sessionId = next.sessionId;
    await request.began?.(next.sessionId);
    try {
      await pane.start({ ...next, mark: request.mark }, request.signal);
    } catch (error) {
      if (error instanceof SwarmError && error.lasting) return { kind: 'cannot-start', error };
      return { kind: 'died', detail: errorText(error), exit: pane.lastExit };
    }
    let seen = false;
    const step = await pane.changes.until<Step>(() => {
      const turn = pane.turn;
      if (!seen && turn !== null && !['starting', 'ready', 'gone'].includes(turn.state)) {
        seen = true;
        delivered();
      }
      if (!pane.alive) return { kind: 'died', detail: exitWords(pane.lastExit), exit: pane.lastExit };
      if (this.#interruption !== null) return { kind: 'interrupted' };
      if (this.#deps.access.permits.ending) return { kind: 'held' };
      return turn === null || !seen ? null : restOf(turn);
    }, request.signal);
    return step ?? { kind: 'broken-off' };
  }

  async #breakOff(): Promise<TurnResult> {
    await this.#deps.pane.end();
    return { kind: 'broken-off' };
  }

  async #carryOutInterruption(): Promise<string> {
    const interruption = this.#interruption;
    await interruption?.carryOut();
    this.#interruption = null;
    this.#wake = new AbortController();
    return interruption?.prompt ?? '';
  }

  /**
   * After an unasked end in the middle of a turn: proves the process tree gone, takes a checkpoint, and waits as the
   * restart policy says.
   * @returns why the agent is given up; null: the turn goes on
   */
  async #bury(step: Extract<Step, { kind: 'died' }>, signal: AbortSignal): Promise<string | null> {
    const { clock, log } = this.#deps;
    log.warn({ detail: step.detail }, 'the agent ended in the middle of its turn');
    const decision = this.#decide(step.exit?.uptimeMs ?? 0, false);
    await this.#deps.pane.end();
    await this.#deps.captureCrash();
    // A person who has asked for a restart meanwhile wants another try, whatever the policy says.
    if (decision.do !== 'restart' && this.#interruption === null) return this.#giveUp(step.detail, decision);
    this.#countRestart(step.detail, clock.now());
    if (decision.do === 'restart') await this.#sleep(decision.delayMs, signal);
    return null;
  }

  async #idle(): Promise<void> {
    const { pane, state, log } = this.#deps;
    if (pane.alive || this.#stopped || state.current.failure !== null) return;
    // Without a model permit an idle process would be of no use: the next turn starts its own.
    if (this.#deps.access.permits.closed !== null || (await this.#deps.settings.look())) return pane.rest();
    const startedAt = this.#deps.clock.monotonic();
    this.#starting = true;
    try {
      await pane.end();
      const resume = this.#sessionId !== null && (await this.#deps.sessionExists(this.#sessionId));
      if (!resume || this.#sessionId === null) this.#sessionId = randomUUID();
      await pane.start({
        sessionId: this.#sessionId,
        resume,
        prompt: null,
        mark: `${this.#deps.spec.project}/${this.#deps.spec.agent}/-/-`,
      });
    } catch (error) {
      if (error instanceof SwarmError && error.lasting) return void this.#cannotStart(error);
      log.warn({ error: errorText(error) }, 'the idle agent did not start');
      void this.#idleEnded(this.#deps.clock.monotonic() - startedAt, false, errorText(error));
    } finally {
      this.#starting = false;
    }
  }

  async #idleEnded(uptimeMs: number, clean: boolean, detail: string): Promise<void> {
    const { pane, clock, log } = this.#deps;
    const decision = this.#decide(uptimeMs, clean);
    try {
      await pane.end();
      if (!clean) await this.#deps.captureCrash();
    } catch (error) {
      log.error({ error: errorText(error) }, 'what the agent left could not be cleared away');
    }
    if (decision.do === 'give-up') this.#giveUp(detail, decision);
    if (decision.do !== 'restart') return;
    this.#countRestart(detail, clock.now());
    // Outside the lane, so that a turn that comes meanwhile need not wait: it starts its own process.
    await pause(clock, decision.delayMs, this.#wake.signal);
    await this.idle();
  }

  #decide(uptimeMs: number, clean: boolean): RestartDecision {
    const { clock, spec } = this.#deps;
    const death = { at: clock.monotonic(), uptimeMs, clean };
    const { history, decision } = afterDeath(spec.restart, this.#history, death, Math.random);
    this.#history = history;
    return decision;
  }

  #giveUp(detail: string, decision: RestartDecision): string {
    const why = decision.do === 'give-up' ? `${decision.reason}; last: ${detail}` : detail;
    this.#deps.log.error({ why }, 'the agent is not started again');
    this.#deps.state.update({ failure: why });
    return why;
  }

  /**
   * A start that cannot succeed is no death, after which another start may go well. None is tried before swarm sees
   * that it would succeed, or before a person asks for it.
   * @returns why
   */
  #cannotStart(error: SwarmError): string {
    const { pane, state, log, spec } = this.#deps;
    const { message, hint = '' } = error;
    const restart = `\`swarm restart ${spec.agent}\``;
    const visible = error instanceof StartError && error.visible;
    const then = visible ? `It goes on by itself then, with ${restart} at once.` : `Then run ${restart}.`;
    const failure = error instanceof StartError ? `${message}.\n${hint} ${then}` : message;
    log.error({ hint }, message);
    pane.rest();
    state.update({ failure });
    this.#look.abort();
    this.#look = new AbortController();
    if (visible && !this.#stopped) void this.#untilStartable(error, failure, this.#look.signal);
    return message;
  }

  /**
   * Waits until the program can be started as far as swarm can see, and clears the failure. Whether that is so shows at
   * the next start.
   */
  async #untilStartable({ place }: StartError, failure: string, signal: AbortSignal): Promise<void> {
    const { clock, state, log, spec } = this.#deps;
    do await pause(clock, LOOK_AGAIN_MS, signal);
    while (!signal.aborted && obstacleTo(place) !== null);
    if (signal.aborted || state.current.failure !== failure) return;
    log.info({ program: place.program }, 'the agent can be started again');
    state.update({ failure: null });
    if (spec.idle === 'eager') await this.idle();
  }

  #countRestart(detail: string, now: number): void {
    const { state } = this.#deps;
    state.update({ restarts: state.current.restarts + 1 });
    this.#deps.event('agent.restarted', {
      detail,
      restarts: state.current.restarts,
      at: new Date(now).toISOString(),
    });
  }

  #noteExit(exit: PaneExit, detail: string): void {
    const { code, signal } = exit;
    this.#deps.state.update({ lastExit: { at: new Date(exit.at).toISOString(), code, signal, detail } });
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    await pause(this.#deps.clock, ms, AbortSignal.any([signal, this.#wake.signal]));
  }
}
