import type { Logger } from 'pino';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { Usage } from '../../domain/agent.ts';
import { errorText } from '../../domain/errors.ts';
import { KeyedMutex } from '../../lib/mutex.ts';
import type { Attempt, BodyOutcome, TaskBody, VerifyFailure } from '../task/attempt.ts';
import type { ClaudePane } from './claude-pane.ts';
import type { Conversation, TurnResult } from './conversation.ts';
import type { TurnRequest } from './opening.ts';
import type { Mailbox } from './mailbox.ts';
import type { NeedsYouBoard } from './needs-you.ts';
import {
  answerPrompt,
  handoffPrompt,
  interruptedPrompt,
  NO_PREPARATION,
  retryPrompt,
  taskPrompt,
  unfinishedPrompt,
  verifyFailedPrompt,
  type Preparation,
} from '../task/prompt.ts';
import { restOf, type Verdict } from './turn-end.ts';

export interface ClaudeTaskDeps {
  conversation: Conversation;
  pane: ClaudePane;
  board: NeedsYouBoard;
  mailbox: Mailbox;
  mark: string;
  /** Phase of the attempt, for the snapshot and the heartbeats. */
  phase(phase: 'running' | 'asking'): void;
  event<N extends WrapperEventName>(name: N, data: EventMap[N]): void;
  /** What this attempt used, the telemetry that is still on its way included. */
  usage(): Promise<Usage>;
  /** Whether the attempt went over its budget. */
  overBudget(): boolean;
  log: Logger;
}

const NOTE = 'note';

type Reply = { from: 'person'; prompt: string; delivered: () => void } | { from: 'pane' };

/** A task in Claude Code's hands: one turn after another, until the agent has said how the task stands. */
export class ClaudeTask implements TaskBody {
  readonly resolvesConflicts = true;
  readonly #attempt: Attempt;
  readonly #deps: ClaudeTaskDeps;
  #preparation = NO_PREPARATION;
  #verdict: Verdict | null = null;
  /** The conversation that is written down in the worktree. */
  #noted: string | null = null;
  readonly #notes = new KeyedMutex();

  constructor(attempt: Attempt, deps: ClaudeTaskDeps) {
    this.#attempt = attempt;
    this.#deps = deps;
  }

  get task(): string {
    return this.#attempt.order.task;
  }

  /** Whether the task's first word was said, in a conversation of its own. */
  get begun(): boolean {
    return this.#attempt.sessionId !== null;
  }

  /** Takes in how the task stands, as the agent says through its tools; the last word counts. */
  say(verdict: Verdict): void {
    this.#verdict = verdict;
  }

  /**
   * The conversation of this attempt now: a person's /clear in the middle of a task begins another one.
   * @returns null before the first word
   */
  follow(): string | null {
    const attempt = this.#attempt;
    if (attempt.sessionId === null) return null;
    const now = this.#deps.conversation.sessionId ?? attempt.sessionId;
    attempt.sessionId = now;
    // A note that the disk refuses is tried again with each change.
    if (now !== this.#noted && !this.#notes.held(NOTE))
      this.#note(now).catch((error: unknown) => {
        this.#deps.log.warn({ error: errorText(error) }, 'the worktree does not know of the conversation');
      });
    return now;
  }

  context(): string {
    return taskPrompt(this.#attempt.order, this.#preparation);
  }

  async ready(): Promise<void> {
    const { signal } = this.#attempt;
    await this.#deps.conversation.ready({ signal, waits: () => this.#attempt.holdTimeout() });
  }

  wasTold(sessionId: string): Promise<boolean> {
    return this.#deps.conversation.exists(sessionId);
  }

  async work(preparation: Preparation): Promise<BodyOutcome> {
    this.#preparation = preparation;
    const { order } = this.#attempt;
    if (order.resume === null || !preparation.resumed)
      return await this.#untilSaid('fresh', taskPrompt(order, preparation));
    const { reason } = order.resume;
    // The note in the worktree is newer: the supervisor may have died before it heard of that conversation.
    const sessionId = preparation.sessionId ?? order.resume.sessionId;
    if (sessionId === null) return await this.#untilSaid('fresh', handoffPrompt(order, preparation, reason));
    return await this.#untilSaid({ resume: sessionId }, interruptedPrompt(order, reason));
  }

  async mend(failure: VerifyFailure): Promise<BodyOutcome> {
    return await this.#untilSaid('continue', verifyFailedPrompt(this.#attempt.order, failure));
  }

  sessionId(): string | null {
    return this.#deps.conversation.sessionId;
  }

  usage(): Promise<Usage> {
    return this.#deps.usage();
  }

  async #untilSaid(session: TurnRequest['session'], prompt: string): Promise<BodyOutcome> {
    let result = await this.#turn(session, prompt);
    for (let reminded = false; ;) {
      const stopped = await this.#stopped(result);
      if (stopped !== null) return stopped;
      const verdict = this.#verdict;
      if (verdict?.tool === 'complete_task') return { kind: 'done', summary: verdict.summary };
      if (verdict?.tool === 'fail_task')
        return { kind: 'failed', errorClass: 'agent', error: verdict.reason, summary: verdict.reason };
      if (verdict?.tool === 'ask_person') {
        const reply = await this.#ask(verdict);
        if (reply === null) return await this.#end();
        reminded = false;
        if (reply.from === 'person') result = await this.#turn('continue', reply.prompt, reply.delivered);
        continue;
      }
      const lastMessage = result.kind === 'ended' ? (result.lastMessage ?? '') : '';
      if (reminded) return { kind: 'done', summary: lastMessage };
      reminded = true;
      result = await this.#turn('continue', unfinishedPrompt(this.#attempt.order));
    }
  }

  async #stopped(result: TurnResult): Promise<BodyOutcome | null> {
    if (this.#attempt.brokenOff !== null) return { kind: 'broken-off' };
    switch (result.kind) {
      case 'ended':
        return null;
      case 'api':
        return { kind: 'failed', errorClass: 'api', error: result.error, summary: '' };
      case 'lost':
        // The agent had said how the task stands, and died only afterwards.
        return this.#verdict !== null && this.#verdict.tool !== 'ask_person'
          ? null
          : { kind: 'lost', error: result.error };
      case 'cannot-start':
        await this.#forgetUnbegun();
        return { kind: 'given-back', error: result.error };
      case 'broken-off':
        return { kind: 'broken-off' };
    }
  }

  /** Forgets a conversation in which nothing was ever said: the next attempt could not resume it. */
  async #forgetUnbegun(): Promise<void> {
    const attempt = this.#attempt;
    if (attempt.sessionId !== null && !(await this.#deps.conversation.exists(attempt.sessionId)))
      attempt.sessionId = null;
  }

  /** Ends the attempt that was broken off between turns: the idle process belongs to it and is ended too. */
  async #end(): Promise<BodyOutcome> {
    await this.#deps.pane.end();
    return { kind: 'broken-off' };
  }

  async #turn(session: TurnRequest['session'], prompt: string, delivered?: () => void): Promise<TurnResult> {
    const { order, signal } = this.#attempt;
    const { conversation, mark, event } = this.#deps;
    this.#verdict = null;
    event('turn.started', { attempt: order.attempt });
    const result = await conversation.turn({
      prompt,
      session,
      mark,
      signal,
      began: (sessionId) => this.#began(sessionId),
      interrupted: (why) => interruptedPrompt(order, why),
      handoff: (why) => handoffPrompt(order, this.#preparation, why),
      retry: () => retryPrompt(order),
      settled: () => this.#verdict !== null,
      waits: () => this.#attempt.holdTimeout(),
      ...(delivered === undefined ? {} : { delivered }),
    });
    event('turn.ended', { attempt: order.attempt, how: result.kind });
    if (this.#deps.overBudget()) this.#attempt.breakOff('budget');
    return result;
  }

  async #began(sessionId: string): Promise<void> {
    this.#attempt.sessionId = sessionId;
    if (this.#noted !== sessionId) await this.#note(sessionId);
  }

  /** Writes the conversation down in the worktree: wrapper and supervisor may both die before they have told of it. */
  async #note(sessionId: string): Promise<void> {
    const { order, workspace } = this.#attempt;
    await this.#notes.run(NOTE, async () => {
      await workspace.begun(order, sessionId);
      this.#noted = sessionId;
    });
  }

  /**
   * Asks a person and waits. The answer comes by `swarm answer`, by a message, or in the pane itself.
   * @returns null when the attempt was broken off meanwhile
   */
  async #ask(verdict: Extract<Verdict, { tool: 'ask_person' }>): Promise<Reply | null> {
    const { board, pane, phase, mailbox, event } = this.#deps;
    const options = verdict.options.length === 0 ? '' : ` [${verdict.options.join(' | ')}]`;
    const goOnCounting = this.#attempt.holdTimeout();
    this.#verdict = null;
    phase('asking');
    board.ask(`${verdict.question}${options}`, this.#attempt.order.task);
    const reply = await pane.changes.until<Reply>(() => {
      const answer = board.takeAnswer();
      if (answer !== null)
        return { from: 'person', prompt: answerPrompt(verdict.question, answer), delivered: () => {} };
      const message = mailbox.take();
      if (message !== null) {
        const delivered = (): void => event('message.delivered', { id: message.id });
        return { from: 'person', prompt: message.text, delivered };
      }
      const said = this.#verdict !== null && pane.turn !== null && restOf(pane.turn)?.kind === 'ended';
      return said ? { from: 'pane' } : null;
    }, this.#attempt.signal);
    board.withdrawQuestion();
    goOnCounting();
    phase('running');
    return reply;
  }
}
