import type { StatusDocument } from '../api/status/schemas.ts';
import type { AgentRecord } from './project/agent-record.ts';
import type { Project } from './project/project.ts';
import { agentDocument, openQuestions, type TreeUse } from './agents/agent-document.ts';
import type { Base } from './project/project.ts';

export interface StatusFacts {
  project: Project;
  version: string;
  base: Base;
  supervisor: { goingDown: boolean; since: string; epoch: number; buildId: string };
  broker: StatusDocument['broker'];
  degraded: string[];
  config: StatusDocument['config'];
  records: readonly AgentRecord[];
  use(record: AgentRecord): TreeUse | null;
  tasks: StatusDocument['tasks'];
  queues: Promise<StatusDocument['queues']>;
}

/** The whole state in one document. */
export async function statusDocument(facts: StatusFacts): Promise<StatusDocument> {
  const { layout } = facts.project;
  const { goingDown, ...supervisor } = facts.supervisor;
  // A broker that goes away during the question has no depths to report; its state shows it already.
  const queues = await facts.queues.catch(() => []);
  return {
    version: facts.version,
    project: { hash: layout.hash, name: layout.name, root: layout.root, base: facts.base },
    supervisor: { state: goingDown ? 'stopping' : 'up', pid: process.pid, ...supervisor },
    broker: facts.broker,
    config: facts.config,
    ...(facts.degraded.length === 0 ? {} : { degraded: facts.degraded }),
    agents: facts.records.map((record) => agentDocument(record, facts.use(record))),
    tasks: facts.tasks,
    queues,
    needsYou: facts.records.flatMap(openQuestions),
  };
}
