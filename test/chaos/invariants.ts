import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { find, outcomes, tmux, type StatusView, type TaskView, type World } from '../e2e/world.ts';
import { processesOf, untilNoProcessOf } from '../support/processes.ts';
import type { Journal } from './journal.ts';
import type { Client } from './requests.ts';

/** An accepted task, with facts about it that do not come from swarm. */
export interface Planned {
  id: string;
  name: string;
  /** Names of the tasks whose files must be in its result. */
  after: string[];
  /** Its command fails by its exit code. */
  fails: boolean;
}

interface CheckpointView {
  ref: string;
  agent: string;
}

/** Most losses of a task that is tried again: a crash is not the task's fault, up to a point. */
const LOSSES = 5;
const GONE_MS = 10_000;

/** What is wrong with a swarm that has come to rest; empty if all is well. */
export async function violationsAtRest(
  world: World,
  client: Client,
  planned: readonly Planned[],
  journal: Journal | null,
  /** No process was harmed, so none may have been ended or started again. */
  unharmed: boolean,
): Promise<string[]> {
  const tasks = new Map<string, TaskView>();
  for (const { id } of planned) tasks.set(id, await client.call<TaskView>('GET', `/v1/tasks/${id}`));
  const checkpoints = (await world.ok(['checkpoint', 'ls', '--all', '--json'])).json<CheckpointView[]>();
  const status = await world.status();
  const perTask: string[] = [];
  for (const plan of planned) {
    const task = tasks.get(plan.id);
    if (task === undefined) perTask.push(`${plan.id} (${plan.name}) is not known any more`);
    else perTask.push(...endOf(plan, task, journal), ...(await resultOf(world, plan, task, origins(plan, planned))));
  }
  return [
    ...(journal?.violations ?? []),
    ...perTask,
    ...(await missingCheckpoints(world, planned, tasks, checkpoints, journal)),
    ...agentsBack(status),
    ...(unharmed ? disturbed(status, tasks) : []),
    ...(journal === null ? [] : leftRunning(journal)),
  ];
}

/** Completed once, or dead with a reason that the plan explains. */
function endOf(plan: Planned, task: TaskView, journal: Journal | null): string[] {
  const what = `${plan.id} (${plan.name})`;
  const all = outcomes(task);
  const came = journal === null || journal.ends.some(({ name }) => name === plan.name);
  const done = all.filter((outcome) => outcome === 'done').length;
  if (task.state === 'done') {
    const wrong: string[] = [];
    if (plan.fails) wrong.push(`${what} is done, but its command fails`);
    if (done !== 1) wrong.push(`${what} was completed ${done} times: ${all.join(', ')}`);
    if (all.at(-1) !== 'done') wrong.push(`${what} was tried again after it was done: ${all.join(', ')}`);
    if (!came) wrong.push(`${what} is done, but never came to its end`);
    return wrong;
  }
  if (task.state !== 'dead') return [`${what} is ${task.state} at the end: ${task.reason ?? 'no reason'}`];
  if (task.reason === null || task.reason === '') return [`${what} is dead without a reason`];
  const lost = all.filter((outcome) => outcome === 'lost').length;
  return plan.fails || lost > LOSSES ? [] : [`${what} is dead, ${task.reason}: ${all.join(', ')}`];
}

/** A task and all those on which it builds, by name. */
function origins(plan: Planned, planned: readonly Planned[]): ReadonlySet<string> {
  const names = new Set([plan.name]);
  // A set is walked with the items that are added meanwhile.
  for (const name of names)
    for (const before of planned.find((one) => one.name === name)?.after ?? []) names.add(before);
  return names;
}

/** The result's commit exists, and holds the files of the task and of those before it, and no others. */
async function resultOf(world: World, plan: Planned, task: TaskView, within: ReadonlySet<string>): Promise<string[]> {
  if (task.state !== 'done') return [];
  const { commit, branch } = task.result ?? { commit: null, branch: null };
  if (commit === null || branch === null) return [`${plan.id} (${plan.name}) is done without a commit or branch`];
  const wrong: string[] = [];
  for (const name of [plan.name, ...plan.after]) {
    const text = await world.repository.git('show', `${commit}:${name}.txt`).catch(() => 'nothing');
    if (text.trim() !== name) wrong.push(`${plan.id} (${plan.name}): ${name}.txt of its commit says ${text}`);
  }
  const files = await world.repository.git('ls-tree', '--name-only', commit).catch(() => '');
  const strange = files.split('\n').filter((file) => /\.(txt|part)$/.test(file) && !within.has(path.parse(file).name));
  if (strange.length > 0)
    wrong.push(`${plan.id} (${plan.name}): its commit holds what others wrote: ${strange.join(', ')}`);
  const tip = await world.repository.git('rev-parse', branch).catch(() => 'nothing');
  if (tip.trim() !== commit) {
    wrong.push(
      `${plan.id} (${plan.name}): ${branch} is at ${tip}, its result is ${commit}\n${await story(world, task)}`,
    );
  }
  return wrong;
}

/** The branch of a task, its attempts, and the events about it that are still kept. */
async function story(world: World, { id, attempts, result }: TaskView): Promise<string> {
  const [branch = 'HEAD', commit = 'HEAD'] = [result?.branch ?? undefined, result?.commit ?? undefined];
  const format = '--format=%h %cI %s %(trailers:separator=%x20)';
  const commits = await world.repository.git('log', '--graph', '--stat', format, '-8', branch, commit);
  const reflog = await world.repository.git('reflog', 'show', '--date=iso-strict', '-12', branch).catch(String);
  const events = (await world.run(['events', '--json', '--lines', '100000'])).stdout.split('\n');
  const ofTask = events.filter((line) => line.includes(`"${id}"`) || line.includes(`${id}.`));
  return [commits, reflog, ...attempts.map((attempt) => JSON.stringify(attempt)), ...ofTask].join('\n');
}

/**
 * Every object of every checkpoint exists, and every file that a task has written, finished or not, is in a checkpoint
 * of the agent that it ran in: no file was overwritten or removed without one.
 */
async function missingCheckpoints(
  world: World,
  planned: readonly Planned[],
  tasks: ReadonlyMap<string, TaskView>,
  checkpoints: readonly CheckpointView[],
  journal: Journal | null,
): Promise<string[]> {
  const broken = await world.repository.git('fsck', '--connectivity-only', '--no-dangling', '--no-progress').then(
    (): string[] => [],
    (error: unknown) => [`git fsck: ${String(error)}`],
  );
  const kept = new Map<string, Set<string>>();
  for (const { agent, ref } of checkpoints) {
    const files = kept.get(agent) ?? new Set();
    kept.set(agent, files);
    const listed = await world.repository.git('ls-tree', '-r', '--name-only', ref).catch(() => null);
    if (listed === null) broken.push(`${ref} cannot be read`);
    for (const file of listed?.split('\n') ?? []) files.add(file);
  }
  const lacks = (agent: string, ...files: string[]) => !files.some((file) => kept.get(agent)?.has(file));
  const lost = (journal?.begins ?? [])
    .filter(({ agent, name }) => lacks(agent, `${name}.part`, `${name}.txt`))
    .map(({ agent, name }) => `what ${name} wrote in ${agent} is in no checkpoint`);
  const unfinished = planned.flatMap(({ id, name }) => {
    const agent = tasks.get(id)?.attempts.find(({ outcome }) => outcome === 'done')?.agent;
    return agent !== undefined && lacks(agent, `${name}.txt`)
      ? [`${id} (${name}): its result is in no checkpoint`]
      : [];
  });
  return [...broken, ...lost, ...unfinished];
}

const agentsBack = ({ agents }: StatusView): string[] =>
  agents
    .filter(({ status }) => status !== 'idle')
    .map(({ id, status, reason }) => `${id} is ${status} at the end: ${reason ?? 'no reason'}`);

/** Agents without a task were left alone: neither started again nor robbed of one. */
const disturbed = ({ agents }: StatusView, tasks: ReadonlyMap<string, TaskView>): string[] => [
  ...agents.filter(({ restarts }) => restarts > 0).map(({ id, restarts }) => `${id} was restarted ${restarts} times`),
  ...[...tasks].flatMap(([id, { title, attempts }]) =>
    attempts
      .filter(({ outcome }) => outcome === 'lost')
      .map(({ n, agent, error }) => `${id} (${title}) was taken from ${agent} in attempt ${n}: ${error}`),
  ),
];

/** With no task left, no process of a task is left, wherever it hides. */
function leftRunning(journal: Journal): string[] {
  const began = new Set(journal.begins.flatMap(({ pids }) => pids));
  return processesOf('/task.sh')
    .filter(({ pid }) => began.has(pid))
    .map(({ pid, commandLine }) => `${pid} of an ended task lives: ${commandLine}`);
}

/** What is left after `down`: no process, no listener, no lock may be. */
export async function violationsAfterDown(world: World): Promise<string[]> {
  const { directory, runtimeDir, stateHome } = world.environment;
  const isScriptedModel = (line: string) => line.includes('/demo.js');
  await untilNoProcessOf(world.repository.path, GONE_MS);
  const living = processesOf(directory).filter(({ commandLine }) => !isScriptedModel(commandLine));
  // Claude Code's own sockets lie beside it: a killed one cannot remove its.
  const sockets = await find(`${runtimeDir}/swarm`, '-type', 's');
  const gitLocks = await find(`${world.repository.path}/.git`, '-name', '*.lock');
  const spooled = (await find(stateHome, '-path', '*/spool/*', '-type', 'f')).map((file) => `${file} is not reported`);
  return [
    ...living.map(({ pid, commandLine }) => `${pid} lives after down: ${commandLine}`),
    ...sockets.map((file) => `${file} is left after down`),
    ...gitLocks.map((file) => `${file} is left after down`),
    ...spooled,
    ...(await find(stateHome, '-name', 'lock.db')).filter((file) => !isFree(file)).map((file) => `${file} is held`),
    ...(sockets.length === 0 ? [] : await sessions(world)),
  ];
}

const sessions = async (world: World): Promise<string[]> =>
  (await tmux(world.environment, 'list-sessions').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map((line) => `session after down: ${line}`);

function isFree(lockFile: string): boolean {
  const database = new DatabaseSync(lockFile);
  try {
    database.exec('PRAGMA busy_timeout = 1000; BEGIN EXCLUSIVE; ROLLBACK');
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}
