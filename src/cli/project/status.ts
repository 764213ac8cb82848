import manifest from '../../../package.json' with { type: 'json' };
import type { StatusDocument } from '../../api/status/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { TASK_STATES, type TaskState } from '../../domain/task.ts';
import { configLines } from '../say/config-lines.ts';
import { oneLine, plain, type Output } from '../say/output.ts';
import { modeLines } from '../say/permission-modes.ts';
import { agentTable, ago, brokerNote, brokerText, needsYouLines, taskCounts } from '../say/words.ts';
import type { Project } from './context.ts';

/** Reads the status; being down is an answer, not an error. */
export async function readStatus({ client, layout }: Project): Promise<StatusDocument> {
  try {
    return await client.status.show();
  } catch (error) {
    if (error instanceof SwarmError && error.code === 'supervisor-down') return downDocument(layout);
    throw error;
  }
}

export function downDocument(layout: Pick<ProjectLayout, 'hash' | 'name' | 'root'>): StatusDocument {
  const { hash, name, root } = layout;
  return {
    version: manifest.version,
    project: { hash, name, root, base: null },
    supervisor: { state: 'down', pid: null, since: null, epoch: null, buildId: null },
    broker: { state: 'down', url: null, pid: null, private: true, reason: null },
    config: null,
    agents: [],
    tasks: Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>,
    queues: [],
    needsYou: [],
  };
}

/** Width of a line about a permission mode: with many agents it is cut. */
const MODE_CHARS = 200;

/** The status in lines: first the questions that wait for a person, then the agents, then the rest in one line each. */
export function statusLines(output: Output, document: StatusDocument, now: number): string[] {
  const { project, supervisor, broker, degraded = [], config, agents, tasks, needsYou } = document;
  if (supervisor.state === 'down') {
    return [
      `${output.style('bold', project.name)} is not up. Start it: ${output.style('bold', `${output.command} up`)}`,
    ];
  }
  const base =
    project.base === null ? '' : `, base ${project.base.branch ?? 'detached'}@${project.base.commit.slice(0, 8)}`;
  const note = brokerNote(broker);
  return [
    ...(needsYou.length === 0 ? [] : [output.style('yellow', 'needs you'), ...needsYouLines(output, needsYou), '']),
    `${output.style('bold', project.name)} ${supervisor.state === 'stopping' ? 'is going down' : `up for ${ago(supervisor.since, now)}`} (pid ${supervisor.pid ?? '?'})${base}`,
    `${brokerText(broker)}; ${taskCounts(tasks)}`,
    ...(note === null ? [] : [`${output.style('yellow', 'note')}: ${note}`]),
    ...degraded.map((what) => `${output.style('red', 'degraded')}: ${plain(what)}`),
    ...configLines(output, config, now),
    '',
    ...(agents.length === 0 ? ['no agents'] : agentTable(output, agents, now)),
    ...modeLines(agents).map((line) => oneLine(line, MODE_CHARS)),
  ];
}
