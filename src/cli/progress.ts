import type { Agent, StatusDocument } from '../api/documents.ts';
import type { AgentStatus } from '../domain/agent.ts';
import { formatDuration } from '../lib/duration.ts';
import { oneLine } from './output.ts';

/** Still on its way; everything else is an answer, if not always a good one. */
const UNDER_WAY: readonly AgentStatus[] = ['starting', 'recovering', 'unknown', 'stopping'];
const READY: readonly AgentStatus[] = ['idle', 'working'];
export const BROKEN: readonly AgentStatus[] = ['failed', 'stuck'];

/** The ones that were ordered up and are not there yet. Pure. */
export function underWay(status: StatusDocument, ids: readonly string[]): string[] {
  return ids.filter((id) => {
    const agent = status.agents.find((one) => one.id === id);
    return agent === undefined || UNDER_WAY.includes(agent.status);
  });
}

/** Turns statuses into the lines that tell what is new, each thing once. */
export class UpProgress {
  readonly #ids: readonly string[];
  readonly #told = new Map<string, string>();

  constructor(ids: readonly string[]) {
    this.#ids = ids;
  }

  /** @param elapsedMs since `up` began */
  news(status: StatusDocument, elapsedMs: number): string[] {
    const after = formatDuration(elapsedMs);
    const { state, reason } = status.broker;
    const broker = `${state}${reason === null ? '' : `: ${oneLine(reason, 150)}`}`;
    const agents = this.#ids.flatMap((id) => {
      const agent = status.agents.find((one) => one.id === id);
      return agent === undefined ? [] : this.#once(id, agentNews(agent), ` after ${after}`);
    });
    return [...this.#once('broker', broker, state === 'up' ? ` after ${after}` : ''), ...agents];
  }

  #once(name: string, news: string, suffix: string): string[] {
    if (this.#told.get(name) === news) return [];
    this.#told.set(name, news);
    return [`${name.padEnd(10)} ${news}${suffix}`];
  }
}

function agentNews({ status, reason }: Agent): string {
  if (READY.includes(status)) return 'ready';
  return reason === null ? status : `${status}: ${oneLine(reason, 150)}`;
}
