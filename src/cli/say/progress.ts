import type { Agent } from '../../api/agents/schemas.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import { SETUP_REASON, type AgentStatus } from '../../domain/agent.ts';
import { formatDuration } from '../../lib/duration.ts';
import { oneLine } from './output.ts';
import { brokerNote } from './words.ts';

/** Statuses on the way to another; all others are an answer, if not always a good one. */
const UNDER_WAY: readonly AgentStatus[] = ['starting', 'recovering', 'unknown', 'stopping'];
const READY: readonly AgentStatus[] = ['idle', 'working'];
export const BROKEN: readonly AgentStatus[] = ['failed', 'stuck'];

/** The agents that were ordered up and are not there yet. Pure. */
export function underWay(status: StatusDocument, ids: readonly string[]): string[] {
  return ids.filter((id) => {
    const agent = status.agents.find((one) => one.id === id);
    return agent === undefined || UNDER_WAY.includes(agent.status);
  });
}

/** Turns statuses into lines of news, each reported once; news of several agents in one line. */
export class UpProgress {
  readonly #ids: readonly string[];
  readonly #told = new Map<string, string>();

  constructor(ids: readonly string[]) {
    this.#ids = ids;
  }

  /** @param elapsedMs since `up` began */
  news(status: StatusDocument, elapsedMs: number): string[] {
    const after = ` after ${formatDuration(elapsedMs)}`;
    const { state, reason } = status.broker;
    const note = brokerNote(status.broker);
    const why = note ?? (reason === null ? null : oneLine(reason, 150));
    const broker = `${state}${why === null ? '' : `: ${why}`}`;
    const agents = new Map<string, string[]>();
    for (const { id, news } of this.#agentsWithNews(status)) {
      const line = this.#tell(id, news, news === READY_NEWS ? after : '');
      if (line !== null) agents.set(line, [...(agents.get(line) ?? []), id]);
    }
    const brokerLine = this.#tell('broker', broker, state === 'up' && note === null ? after : '');
    return [
      ...(brokerLine === null ? [] : [`${'broker'.padEnd(10)} ${brokerLine}`]),
      ...[...agents].map(([line, ids]) => `${ids.join(', ').padEnd(10)} ${line}`),
    ];
  }

  #agentsWithNews(status: StatusDocument): { id: string; news: string }[] {
    return this.#ids.flatMap((id) => {
      const agent = status.agents.find((one) => one.id === id);
      if (agent === undefined) return [];
      const news = agentNews(agent);
      // Between two steps of a start an agent is `starting` without a reason: no news once its start was reported.
      return news === 'starting' && this.#told.has(id) ? [] : [{ id, news }];
    });
  }

  /** A line of news; null when it was reported already. The duration is named where the beginning was seen. */
  #tell(name: string, news: string, took: string): string | null {
    const before = this.#told.get(name);
    if (before === news) return null;
    this.#told.set(name, news);
    return `${news}${before === undefined ? '' : took}`;
  }
}

const READY_NEWS = 'ready';

/** Whether one of the agents is being set up, which has its own time limit and may take long. */
export function isSettingUp({ agents }: StatusDocument, ids: readonly string[]): boolean {
  return agents.some(({ id, status, reason }) => ids.includes(id) && status === 'starting' && isSetup(reason));
}

function isSetup(reason: string | null): reason is string {
  return reason?.startsWith(SETUP_REASON) === true;
}

function agentNews({ status, reason }: Agent): string {
  if (READY.includes(status)) return READY_NEWS;
  // The seconds of a set-up are no news.
  if (status === 'starting' && isSetup(reason)) return oneLine(reason.replace(/ \(\d+ s\)$/, ''), 150);
  // Only the first line; the rest is printed at the end.
  return reason === null ? status : `${status}: ${oneLine(reason.split('\n', 1)[0] ?? '', 200)}`;
}
