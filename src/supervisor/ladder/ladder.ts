import { callOf } from './limit-call.ts';
import type { Logger } from 'pino';
import { errorText } from '../../domain/errors.ts';
import type { Rung } from '../../domain/ladder.ts';
import { isFinal } from '../../domain/task-state.ts';
import type { Task } from '../../domain/task-document.ts';
import { isTyping, type Gap } from '../../health/index.ts';
import { nextRung, type LadderCall, type LadderFacts, type LadderRules, type LadderState } from './next-rung.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';

export interface LadderDeps {
  log: Logger;
  events: EventLog;
  now(): number;
  gaps(): readonly Gap[];
  rules(): LadderRules;
  stuckAfterMs(): number;
  records(): readonly AgentRecord[];
  /** Undefined: there is no such task. */
  task(id: string): Task | undefined;
  /** The agent with the task's lease; null: none. */
  holder(task: string): string | null;
  /** Another agent that could take this agent's task; null: none. */
  another(record: AgentRecord): string | null;
  /** Takes a rung; resolves when it is done. */
  take(rung: Rung, record: AgentRecord, why: Why): Promise<void>;
  memory: {
    read(): Record<string, LadderState>;
    write: (states: Record<string, LadderState>) => Promise<void>;
  };
}

/** Why a rung is taken. */
export interface Why {
  cause: LadderState['cause'];
  /** The trouble, in words for people and for the agent. */
  text: string;
  /** When it began, epoch ms. */
  since: number;
}

/** Acts on agents that are stuck or cross a limit: one rung after the other, one at a time per agent. */
export class Ladder {
  readonly #deps: LadderDeps;
  readonly #states: Map<string, LadderState>;
  readonly #taking = new Set<string>();

  constructor(deps: LadderDeps) {
    this.#deps = deps;
    this.#states = new Map(Object.entries(deps.memory.read()));
  }

  /** Once a second, after the judgement. */
  tick(): void {
    for (const record of this.#deps.records()) this.#consider(record);
  }

  /** How far it has come, for `explain`. */
  stateOf(agent: string): LadderState | null {
    return this.#states.get(agent) ?? null;
  }

  /** A person has dealt with the agent: the next trouble begins at the first rung. */
  forget(agent: string): void {
    if (this.#states.delete(agent)) this.#remember();
  }

  #consider(record: AgentRecord): void {
    const { now, gaps, rules, events } = this.#deps;
    const history = this.#states.get(record.id) ?? null;
    const call = this.#call(record);
    if (history === null && call === null) return;
    const step = nextRung(history, call, this.#facts(record, history), rules(), now(), gaps());
    if (step === null) return;
    if (step.do === 'reset') {
      this.#states.delete(record.id);
      const after = history?.rung ?? null;
      if (after !== null)
        events.emit('agent.ladder.reset', { agent: record.id, task: history?.task ?? null, data: { after } });
    } else this.#states.set(record.id, step.state);
    this.#remember();
    if (step.do === 'rung') this.#take(step.rung, record, step.state, call);
  }

  /**
   * The call for a rung. A limit counts while the agent works or is stuck; one that waits for something else is left
   * alone.
   */
  #call(record: AgentRecord): LadderCall | null {
    const { status, trouble } = record.verdict;
    if (record.row.desired !== 'up' || !['working', 'stuck'].includes(status)) return null;
    const now = this.#deps.now();
    const limit = record.crossings.map((crossing) => callOf(crossing, now)).find((call) => call !== null);
    if (limit !== undefined) return limit;
    if (trouble === null) return null;
    const { kind, since, at } = trouble;
    return { cause: kind, since, at };
  }

  #facts(record: AgentRecord, history: LadderState | null): LadderFacts {
    const { row, step, signs, lifecycle, verdict } = record;
    const { snapshot, linked } = record.observed;
    const task = snapshot?.tasks[0]?.task ?? null;
    const advancedAt = Date.parse(snapshot?.activity?.advancedAt ?? '');
    return {
      kind: row.kind,
      task,
      left: history !== null && this.#left(record, history.task, task),
      typing: isTyping(signs, this.#deps.now()),
      linked,
      busy: step.busy || step.queuedWork.length > 0 || this.#taking.has(record.id) || lifecycle.phase !== 'up',
      another: task !== null && this.#deps.another(record) !== null,
      advancedAt: Number.isNaN(advancedAt) ? null : advancedAt,
      works: verdict.status === 'working' || verdict.status === 'stuck',
      stuckAfterMs: this.#deps.stuckAfterMs(),
    };
  }

  /**
   * Whether the history belongs to another task. Between two attempts its task has no agent, and the trouble is still
   * the same.
   */
  #left(record: AgentRecord, before: string | null, now: string | null): boolean {
    if (before === now) return false;
    if (before === null || now !== null) return true;
    const task = this.#deps.task(before);
    const holder = this.#deps.holder(before);
    return task === undefined || isFinal(task.state) || (holder !== null && holder !== record.id);
  }

  #take(rung: Rung, record: AgentRecord, state: LadderState, call: LadderCall | null): void {
    const { events, log, take } = this.#deps;
    const { id: agent } = record;
    const limit = record.crossings.find((crossing) => crossing.limit === call?.cause);
    const text = limit?.text ?? record.verdict.reason ?? state.cause;
    const about = { agent, task: state.task, data: { cause: state.cause, reason: text } };
    events.emit(`agent.ladder.${rung}`, about);
    this.#taking.add(agent);
    take(rung, record, { cause: state.cause, text, since: state.since })
      .catch((error: unknown) => {
        log.warn({ err: error, agent, rung }, 'a rung of the ladder was not taken');
        events.emit('agent.ladder.missed', { ...about, data: { rung, detail: errorText(error) } });
      })
      .finally(() => this.#taking.delete(agent));
  }

  /** A state that cannot be stored now is stored with the next rung. */
  #remember(): void {
    const failed = (error: unknown): void => this.#deps.log.warn({ err: error }, 'the ladder could not be kept');
    this.#deps.memory.write(Object.fromEntries(this.#states)).catch(failed);
  }
}
