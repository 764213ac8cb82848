import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Agent } from '../../api/agents/schemas.ts';
import type { Task } from '../../domain/task-document.ts';
import { DEMO_TASKS, KILLED_TASK } from '../../demo/plan.ts';
import { SwarmError } from '../../domain/errors.ts';
import { AGENT_MARK } from '../../domain/marks.ts';
import { formatDuration } from '../../lib/duration.ts';
import { waitFor } from '../../lib/wait.ts';
import { findMarked } from '../../process/index.ts';
import type { PlannedIds } from './graph.ts';
import { layoutOfPlace } from './place.ts';
import type { Stage } from './stage.ts';

const TIMEOUT_MS = 60_000;

interface Victim {
  agent: Agent;
  /** Pid of Claude Code, or of the task's command. */
  pid: number;
}

/** Kills one agent's process in the middle of its task, which swarm then starts again. */
export async function killAgent(stage: Stage, ids: PlannedIds): Promise<void> {
  const task = ids.get(KILLED_TASK) ?? '';
  await stage.begin(`Anything may die: the agent of ${task} is killed in the middle of its work`);
  const wait = { timeoutMs: TIMEOUT_MS, intervalMs: 50, signal: stage.signal };
  const victim = await waitFor(() => findVictim(stage, task), { ...wait, what: `an agent at work on ${task}` });
  stage.typed('kill', '-9', String(victim.pid));
  process.kill(victim.pid, 'SIGKILL');
  const killedAt = performance.now();
  const after = (): string => `after ${formatDuration(performance.now() - killedAt)}`;
  if (stage.place.kind === 'shell') {
    const again = await waitFor(() => secondAttempt(stage, task), { ...wait, what: `${task} to be tried again` });
    stage.line(`${after()}: ${again.agent} tries ${task} once more (attempt ${again.n}), from a clean worktree`);
    return;
  }
  await waitFor(() => seen(stage, victim), { ...wait, what: 'the death to be noticed' });
  stage.line(`${after()}: ${victim.agent.id} is seen to be dead, and started again`);
  const agent = await waitFor(() => healed(stage, victim), { ...wait, what: `${victim.agent.id} to be back` });
  stage.line(`${after()}: it works again on ${task} as pid ${agent.pid ?? '?'}, restart ${agent.restarts}`);
  if (agent.sessionId !== victim.agent.sessionId)
    throw new SwarmError('demo-failed', `${agent.id} came back in another conversation`);
  stage.line(`  the same task, and the same conversation: ${agent.sessionId ?? '?'}`);
}

/** Finds the agent in the middle of its turn: the file is written, and not committed or reported yet. */
async function findVictim(stage: Stage, task: string): Promise<Victim | null> {
  const agents = await stage.client.agents.list();
  const agent = agents.find((one) => one.task === task);
  if (agent === undefined) return null;
  if (stage.place.kind === 'shell') {
    const { hash } = layoutOfPlace(stage.place);
    const [command] = findMarked(AGENT_MARK, `${hash}/${agent.id}/${task}`);
    return command === undefined ? null : { agent, pid: command.identity.pid };
  }
  const file = DEMO_TASKS.find(({ name }) => name === KILLED_TASK)?.file ?? '';
  const begun = existsSync(path.join(agent.worktree, file));
  return begun && agent.pid !== null && agent.status === 'working' ? { agent, pid: agent.pid } : null;
}

async function seen({ client }: Stage, { agent, pid }: Victim): Promise<boolean> {
  const now = await client.agents.show({ id: agent.id });
  return now.pid !== pid;
}

async function healed({ client }: Stage, { agent, pid }: Victim): Promise<Agent | null> {
  const now = await client.agents.show({ id: agent.id });
  const back = now.pid !== null && now.pid !== pid && now.status === 'working' && now.task === agent.task;
  return back ? now : null;
}

async function secondAttempt({ client }: Stage, task: string): Promise<Task['attempts'][number] | null> {
  const { attempts, state } = await client.tasks.show({ id: task });
  return attempts.length > 1 && state === 'running' ? (attempts.at(-1) ?? null) : null;
}
