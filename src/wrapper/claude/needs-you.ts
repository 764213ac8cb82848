import { randomUUID } from 'node:crypto';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { OpenPermission, PermissionDecision } from '../../claude/index.ts';
import type { AgentSpec, Order, WrapperSnapshot } from '../../coordination/link.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Terminal } from '../contract/effects.ts';

type NeedsYou = WrapperSnapshot['needsYou'][number];
type AnswerOrder = Extract<Order, { do: 'answer' }>;

/** How often swarm looks whether an attached person has left without an answer, ms. */
const LOOK_AGAIN_MS = 5_000;
const NOT_ALLOWED = 'not allowed, go on without it';

export interface NeedsYouDeps {
  unanswered: AgentSpec['unanswered'];
  decide(requestId: string, decision: PermissionDecision): boolean;
  terminal: Terminal;
  /** Called when the list may have changed, or a question was answered. */
  changed(): void;
  event<N extends WrapperEventName>(name: N, data: EventMap[N]): void;
  clock: Clock;
}

interface Question {
  entry: NeedsYou;
  answer: string | null;
}

/** What waits for a person: open permission dialogs, at most one question, and a setting that blinds swarm. */
export class NeedsYouBoard {
  readonly #deps: NeedsYouDeps;
  readonly #timers = new Map<string, () => void>();
  #permissions: NeedsYou[] = [];
  #question: Question | null = null;
  #settings: NeedsYou | null = null;

  constructor(deps: NeedsYouDeps) {
    this.#deps = deps;
  }

  get list(): NeedsYou[] {
    return [...this.#answerable(), ...(this.#settings === null ? [] : [this.#settings])];
  }

  #answerable(): NeedsYou[] {
    const open = this.#question !== null && this.#question.answer === null ? [this.#question.entry] : [];
    return [...this.#permissions, ...open];
  }

  /** Shows a setting that keeps the agent from being watched, which only a person can change; null: none. */
  settings(text: string | null, task: string | null): void {
    const since = new Date(this.#deps.clock.now()).toISOString();
    this.#settings = text === null ? null : { id: 'settings', kind: 'settings', text, task, since };
    if (text !== null) this.#deps.event('agent.needs-you', { kind: 'settings', text });
    this.#deps.changed();
  }

  /** Takes in the dialogs that are open now, as the turn machine knows them. */
  permissions(open: readonly OpenPermission[], task: string | null): void {
    this.#permissions = open.map(({ requestId, tool, input, text, since }) => ({
      id: requestId,
      kind: 'permission',
      text,
      task,
      tool,
      input,
      since,
    }));
    for (const { requestId } of open) if (!this.#timers.has(requestId)) this.#watch(requestId);
    for (const [id, cancel] of this.#timers) {
      if (open.some(({ requestId }) => requestId === id)) continue;
      cancel();
      this.#timers.delete(id);
    }
  }

  ask(question: string, task: string | null): void {
    const since = new Date(this.#deps.clock.now()).toISOString();
    this.#question = { entry: { id: randomUUID(), kind: 'question', text: question, task, since }, answer: null };
    this.#deps.event('agent.needs-you', { kind: 'question', text: question });
    this.#deps.changed();
  }

  /** Gives the answer to the open question, once; null while there is none. */
  takeAnswer(): string | null {
    const answer = this.#question?.answer ?? null;
    if (answer !== null) this.#question = null;
    return answer;
  }

  withdrawQuestion(): void {
    this.#question = null;
    this.#deps.changed();
  }

  /** @throws SwarmError `nothing-to-answer`, `which-question` */
  answer(order: AnswerOrder): { answered: string } {
    const entry = this.#find(order.needsYou);
    if (entry.kind === 'permission') this.#decide(entry, order);
    else if (this.#question !== null) this.#question.answer = order.text ?? (order.decision === 'allow' ? 'yes' : 'no');
    this.#deps.event('agent.answered', { id: entry.id, kind: entry.kind, decision: order.decision });
    this.#deps.changed();
    return { answered: entry.id };
  }

  #find(id: string | null): NeedsYou {
    const open = this.#answerable();
    const [first, ...others] = id === null ? open : open.filter((entry) => entry.id === id);
    if (first === undefined) {
      throw new SwarmError('nothing-to-answer', 'nothing waits for an answer now', {
        hint: 'See `swarm status`: it may have been answered in the pane.',
      });
    }
    if (others.length > 0) {
      const texts = open.map((entry) => `${entry.id}: ${entry.text}`).join('; ');
      throw new SwarmError('which-question', `more than one thing waits for an answer: ${texts}`, {
        hint: 'Name the one that you answer.',
      });
    }
    return first;
  }

  #decide(entry: NeedsYou, { decision, text }: AnswerOrder): void {
    const reply: PermissionDecision =
      decision === 'allow' ? { behavior: 'allow' } : { behavior: 'deny', message: text ?? NOT_ALLOWED };
    if (this.#deps.decide(entry.id, reply)) return;
    throw new SwarmError('nothing-to-answer', 'that question is not open any more', {
      hint: 'It was answered in the pane, or the agent went on.',
    });
  }

  #watch(id: string): void {
    const { unanswered, clock, event } = this.#deps;
    const entry = this.#permissions.find((permission) => permission.id === id);
    event('agent.needs-you', { kind: 'permission', id, text: entry?.text ?? '', tool: entry?.tool ?? null });
    const wait = unanswered.policy === 'deny' ? unanswered.afterMs : null;
    this.#timers.set(id, wait === null ? () => {} : clock.after(wait, () => void this.#expire(id)));
  }

  /**
   * Time is up: a person who is attached sees the dialog and decides; where none is attached, the agent goes on without
   * the permission.
   */
  async #expire(id: string): Promise<void> {
    const presence = await this.#deps.terminal.presence();
    if (!this.#timers.has(id)) return;
    if (presence?.attached === true) {
      this.#timers.set(
        id,
        this.#deps.clock.after(LOOK_AGAIN_MS, () => void this.#expire(id)),
      );
      return;
    }
    if (this.#deps.decide(id, { behavior: 'deny', message: NOT_ALLOWED })) {
      this.#deps.event('agent.answered', { id, kind: 'permission', decision: 'deny', by: 'policy' });
    }
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}
