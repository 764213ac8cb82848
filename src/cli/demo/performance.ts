import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Agent } from '../../api/agents/schemas.ts';
import type { Task } from '../../domain/task-document.ts';
import type { TaskAddedDocument } from '../../api/tasks/schemas.ts';
import { addArguments, DEMO_TASKS, LAST_TASK, PROGRAM_FILE } from '../../demo/plan.ts';
import { SwarmError } from '../../domain/errors.ts';
import { waitFor } from '../../lib/wait.ts';
import { answerQuestion } from './answering.ts';
import { showGraph, watchGraph, type PlannedIds } from './graph.ts';
import { killAgent } from './killing.ts';
import type { Stage } from './stage.ts';

const UP_TIMEOUT_MS = 60_000;
const BROKER_TIMEOUT_MS = 40_000;
/** The installation of RabbitMQ may be under way, which takes about a minute. */
const INSTALL_TIMEOUT_MS = 300_000;

/** The whole demonstration. @param dashboard opens the dashboard, where there is room @returns the tasks at the end */
export async function perform(stage: Stage, dashboard: (() => Promise<void>) | null): Promise<Task[]> {
  await comeUp(stage, dashboard);
  const ids = await addTasks(stage);
  await answerQuestion(stage, ids);
  await killAgent(stage, ids);
  await finishTasks(stage, ids);
  await accident(stage);
  return await integrate(stage, ids);
}

async function comeUp(stage: Stage, dashboard: (() => Promise<void>) | null): Promise<void> {
  await stage.begin('Three agents, each with a git worktree and a terminal of its own');
  const up = stage.show('up', '3', '--detach', '--trust', '--yes');
  // The dashboard shows how the agents come up. A failure of `up` ends this wait, and is reported below.
  if (dashboard !== null) {
    await Promise.race([untilAnswers(stage), up]);
    await dashboard();
  }
  await up;
  if (dashboard !== null) stage.typed('swarm', 'dash');
  const above = dashboard === null ? '' : 'That is the dashboard above. ';
  if (stage.keys !== null) stage.line(`${above}Just watch; any key goes on sooner, Ctrl-C ends it.`);
}

async function untilAnswers(stage: Stage): Promise<void> {
  const status = (): Promise<unknown> => stage.client.status.show().catch(() => null); // An error: it is not up yet.
  await waitFor(status, { timeoutMs: UP_TIMEOUT_MS, signal: stage.signal, what: 'the supervisor' });
}

async function addTasks(stage: Stage): Promise<PlannedIds> {
  await stage.begin('Three tasks at once, and one that needs the code of all three');
  await brokerReady(stage);
  const ids: PlannedIds = new Map();
  const idOf = (name: string): string => ids.get(name) ?? '';
  for (const task of DEMO_TASKS)
    ids.set(task.name, (await stage.read<TaskAddedDocument>(...addArguments(task, stage.place.kind, idOf))).id);
  await showGraph(stage, ids);
  return ids;
}

/** Waits for the broker, without which the tasks would only wait. @throws SwarmError `no-broker` */
async function brokerReady(stage: Stage): Promise<void> {
  const beganAt = performance.now();
  let told = false;
  await waitFor(
    async () => {
      const { broker } = await stage.client.status.show();
      if (broker.state === 'up') return true;
      const installing = broker.state === 'installing';
      if (installing && !told) stage.line('RabbitMQ is being installed; this takes about a minute …');
      told ||= installing;
      const limit = installing ? INSTALL_TIMEOUT_MS : BROKER_TIMEOUT_MS;
      // A missing RabbitMQ is reported at once: it does not come by itself.
      if (broker.state === 'absent' || performance.now() - beganAt > limit)
        throw new SwarmError('no-broker', `there is no queue: ${broker.reason ?? 'RabbitMQ does not start'}`, {
          hint: 'Install RabbitMQ (`scripts/setup all` in the checkout does it), then run `swarm demo` again.',
        });
      return false;
    },
    { timeoutMs: INSTALL_TIMEOUT_MS, intervalMs: 200, signal: stage.signal, what: 'the queue' },
  );
}

async function finishTasks(stage: Stage, ids: PlannedIds): Promise<void> {
  const last = ids.get(LAST_TASK) ?? '';
  await stage.begin(`When the others are done, ${last} begins, with their code merged`);
  await watchGraph(stage, ids, last);
  await stage.show('diff', last, '--stat');
}

/** A checkpoint, an accident, and the rollback. */
async function accident(stage: Stage): Promise<void> {
  const { agents } = await stage.client.status.show();
  const [agent] = agents;
  if (agent === undefined) throw new SwarmError('demo-failed', 'no agent is there any more');
  await stage.begin(`A checkpoint of all that ${agent.id} has; an accident; and the way back`);
  const file = await draft(agent);
  const name = path.relative(path.dirname(stage.place.repository), file);
  const before = await readFile(file);
  stage.line(`It has begun ${path.basename(file)}, which is in no commit yet.`);
  await stage.show('checkpoint', agent.id, '-m', 'before the accident');
  const n = Math.max(...(await stage.client.checkpoints.list({ id: agent.id })).map((one) => one.n));
  await stage.beat();
  stage.typed('rm', `../${name}`);
  await rm(file);
  await stage.beat(1);
  await stage.show('rollback', agent.id, String(n));
  const after = await readFile(file).catch(() => null); // Absent means not restored, which is reported below.
  if (after === null || !after.equals(before))
    throw new SwarmError('demo-failed', `${file} did not come back as it was`);
  stage.line(`${path.basename(file)} is back byte for byte.`);
}

/** Work that is in no commit yet, as an agent would leave it in the middle of a turn. */
async function draft(agent: Agent): Promise<string> {
  const file = path.join(agent.worktree, 'draft.md');
  await writeFile(file, `Ideas of ${agent.id}, not committed yet.\n`);
  return file;
}

async function integrate(stage: Stage, ids: PlannedIds): Promise<Task[]> {
  await stage.begin('The result comes into your branch when you say so');
  await stage.show('merge', ids.get(LAST_TASK) ?? '');
  await stage.run('node', PROGRAM_FILE);
  return await Promise.all([...ids.values()].map((id) => stage.client.tasks.show({ id })));
}
