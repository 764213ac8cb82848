import type { Agent } from '../../api/agents/schemas.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import { SETUP_REASON, type AgentStatus } from '../../domain/agent.ts';
import { formatDuration } from '../../lib/duration.ts';
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

/** Turns statuses into the lines that tell what is new, each thing once; what several agents have in common, in one line. */
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
    const broker = `${state}${reason === null ? '' : `: ${oneLine(reason, 150)}`}`;
    const agents = new Map<string, string[]>();
    for (const { id, news } of this.#agentsWithNews(status)) {
      const line = this.#tell(id, news, news === READY_NEWS ? after : '');
      if (line !== null) agents.set(line, [...(agents.get(line) ?? []), id]);
    }
    const brokerLine = this.#tell('broker', broker, state === 'up' ? after : '');
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
      // Between two steps of a start it is `starting` without more: nothing new to whoever knows that it starts.
      return news === 'starting' && this.#told.has(id) ? [] : [{ id, news }];
    });
  }

  /** Null when that was told already. How long it took is told of what was seen to begin. */
  #tell(name: string, news: string, took: string): string | null {
    const before = this.#told.get(name);
    if (before === news) return null;
    this.#told.set(name, news);
    return `${news}${before === undefined ? '' : took}`;
  }
}

const READY_NEWS = 'ready';

/** A set-up has its own limit of time, and may take long. */
export function isSettingUp({ agents }: StatusDocument, ids: readonly string[]): boolean {
  return agents.some(({ id, status, reason }) => ids.includes(id) && status === 'starting' && isSetup(reason));
}

function isSetup(reason: string | null): reason is string {
  return reason?.startsWith(SETUP_REASON) === true;
}

function agentNews({ status, reason }: Agent): string {
  if (READY.includes(status)) return READY_NEWS;
  // The seconds that it takes are no news.
  if (status === 'starting' && isSetup(reason)) return oneLine(reason.replace(/ \(\d+ s\)$/, ''), 150);
  // What comes after the first line is told at the end.
  return reason === null ? status : `${status}: ${oneLine(reason.split('\n', 1)[0] ?? '', 200)}`;
}
