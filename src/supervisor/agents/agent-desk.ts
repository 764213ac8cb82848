import { existsSync } from 'node:fs';
import type {
  Agent,
  AgentsService,
  AnswerRequest,
  ExplainDocument,
  HistoryDocument,
} from '../../api/agents/schemas.ts';
import type { Order } from '../../coordination/link.ts';
import { SwarmError } from '../../domain/errors.ts';
import { agentDocument, openQuestions, type TreeUse } from './agent-document.ts';
import type { AgentNames } from '../fleet/agent-names.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Roster } from '../fleet/roster.ts';
import type { Supervision } from '../ladder/supervision.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { HealthHistory } from '../watch/health-history.ts';

const ORDER_TIMEOUT_MS = 10_000;

export interface AgentDeskDeps {
  names: AgentNames;
  fleet: Pick<Fleet, 'records' | 'desired' | 'tryAgain' | 'revive' | 'wake' | 'whileStopped'>;
  events: EventLog;
  roster: Pick<Roster, 'wants'>;
  links: { order(agent: string, order: Order, timeoutMs: number): Promise<unknown> };
  /** Lets an agent go on as a person ordered. @returns the grant in words; null: no hold was in the way */
  holds: { resumedByPerson(record: AgentRecord): string | null };
  supervision: Pick<Supervision, 'explain' | 'renew'> & { watch: { useOf(record: AgentRecord): TreeUse | null } };
  history: Pick<HealthHistory, 'document'>;
}

type Named = { id: string };

/** The agents for people: shows them, resumes, pauses and stops them, and answers their questions. */
export class AgentDesk implements AgentsService {
  readonly #deps: AgentDeskDeps;

  constructor(deps: AgentDeskDeps) {
    this.#deps = deps;
  }

  async list(): Promise<Agent[]> {
    return this.#deps.fleet.records.map((record) => this.#document(record));
  }

  async show({ id }: Named): Promise<Agent> {
    return this.#document(this.#deps.names.agent(id));
  }

  /** Reads the facts anew and judges them, as the supervisor does every second. */
  async explain({ id }: Named): Promise<ExplainDocument> {
    const { names, fleet, supervision } = this.#deps;
    const record = names.agent(id);
    return supervision.explain(record, fleet.desired(record));
  }

  async history({ id }: Named): Promise<HistoryDocument> {
    const { names, history } = this.#deps;
    return history.document(names.agent(id).id, Date.now());
  }

  async resume({ id }: Named): Promise<Agent> {
    const { names, fleet, roster, supervision, holds } = this.#deps;
    const record = names.agent(id);
    await roster.wants(record, 'up');
    supervision.renew(record);
    await fleet.tryAgain(record);
    const granted = holds.resumedByPerson(record);
    this.#wanted(record);
    return this.#document(record, granted);
  }

  async pause({ id }: Named): Promise<Agent> {
    const { names, fleet, roster } = this.#deps;
    const record = names.agent(id);
    // A pause must not start an agent.
    if (record.row.desired === 'stopped') {
      throw new SwarmError('agent-stopped', `${id} is stopped: there is nothing to pause`, {
        hint: `\`swarm resume ${id}\` starts it.`,
      });
    }
    await roster.wants(record, 'paused');
    await fleet.tryAgain(record);
    this.#wanted(record);
    return this.#document(record);
  }

  async stop({ id }: Named): Promise<Agent> {
    const { names, roster } = this.#deps;
    const record = names.agent(id);
    await roster.wants(record, 'stopped');
    this.#wanted(record);
    return this.#document(record);
  }

  async restart({ id }: Named): Promise<Agent> {
    const { names, fleet, holds } = this.#deps;
    const record = names.agent(id);
    if (record.row.desired === 'stopped') return await this.resume({ id });
    const granted = holds.resumedByPerson(record);
    if (record.observed.linked) await this.#restartLinked(record);
    fleet.revive(record);
    fleet.wake();
    return this.#document(record, granted);
  }

  /** The wrapper starts its agent anew. A worktree that was removed is made only by a start from the beginning. */
  async #restartLinked(record: AgentRecord): Promise<void> {
    const { fleet, links } = this.#deps;
    if (existsSync(record.worktree)) await links.order(record.id, { do: 'restart' }, ORDER_TIMEOUT_MS);
    else await fleet.whileStopped(record, { name: 'a new worktree', leases: 'given-back' }, () => Promise.resolve());
  }

  async answer({ id, decision, ...given }: Named & AnswerRequest): Promise<void> {
    const needsYou = given.needsYou ?? null;
    const { names, links } = this.#deps;
    const record = names.agent(id);
    const open = openQuestions(record);
    if (open.length === 0) {
      throw new SwarmError('nothing-asked', `${id} asks nothing now`, {
        hint: '`swarm status` shows what waits for you.',
      });
    }
    const asked = open.find((item) => needsYou === null || item.id === needsYou);
    if (asked === undefined) {
      throw new SwarmError('unknown-question', `${id} has no open question ${needsYou}`, {
        hint: `Open: ${open.map((item) => item.id).join(', ')}`,
      });
    }
    if (record.lifecycle.phase === 'blocked') {
      throw new SwarmError('answer-elsewhere', `${id} waits for something that swarm cannot decide: ${asked.text}`);
    }
    await links.order(id, { do: 'answer', needsYou, decision, text: given.text ?? null }, ORDER_TIMEOUT_MS);
  }

  #wanted(record: AgentRecord): void {
    const { events, fleet } = this.#deps;
    events.emit('agent.wanted', { agent: record.id, data: { desired: record.row.desired } });
    fleet.wake();
  }

  #document(record: AgentRecord, granted: string | null = null): Agent {
    const document = agentDocument(record, this.#deps.supervision.watch.useOf(record));
    return granted === null ? document : { ...document, granted };
  }
}
