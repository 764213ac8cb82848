import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { currentUid } from '../../process/account.ts';
import type { SwarmClient } from '../../api/client.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import type { UpDocument, UpRequest } from '../../api/swarm/schemas.ts';
import { loadConfig } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import { withWorktreesDir, type ProjectLayout } from '../../domain/layout.ts';
import { findRepository } from '../../git/repository/repository.ts';
import { taskBranchesBlocked } from '../../git/task/task-branches.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { unwritable } from '../../worktree/writable.ts';
import { inspectTmux } from '../../tmux/index.ts';
import { approveConfig } from '../project/approve.ts';
import { confirm } from '../project/ask.ts';
import { buildNote } from '../project/build.ts';
import { ensureClaude } from '../project/claude-program.ts';
import { agentAround, type Context } from '../project/context.ts';
import { canBePainted } from '../screen/terminal.ts';
import { showDashboard } from '../screen/dash.ts';
import { makeDirectories } from '../project/directories.ts';
import { ignoredStates } from '../project/ignored-states.ts';
import { keepEnvironment } from '../project/keep-environment.ts';
import { BROKEN, isSettingUp, underWay, UpProgress } from '../say/progress.ts';
import { plain } from '../say/output.ts';
import { WHY_CHARS } from '../say/words.ts';
import { placeForUp } from '../project/place.ts';
import { connectTo, located, lookHere, RESTART_PATIENCE_MS } from '../project/project.ts';
import { statusLines } from '../project/status.ts';
import { noteLacking, noteMissing, notePrograms } from '../project/worktree-notes.ts';
import { supervisorForUp } from './take-over.ts';

const READY_TIMEOUT_MS = 180_000;
/** How long an agent may go on asking for trust after the person has given it. */
const TRUST_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
/** Another `down` may end the supervisor between finding it and ordering it. */
const ORDER_ATTEMPTS = 3;

export interface UpOptions {
  detach?: boolean;
  yes?: boolean;
  trust?: boolean;
  includeDirty?: boolean;
}

export async function up(context: Context, workers: number | undefined, options: UpOptions): Promise<number> {
  const { output } = context;
  const { signal } = context.interrupt;
  const layout = await prepare(context, options);
  // From here on the person is asked nothing: the time is swarm's own.
  let beganAt = performance.now();
  const request: UpRequest = {
    ...(workers === undefined ? {} : { workers }),
    ...(options.trust === true ? { trust: true } : {}),
    ...(options.includeDirty === true ? { includeDirty: true } : {}),
  };
  let known: UpDocument | null = null;
  try {
    let ordered = await order(context, layout, request);
    known = ordered;
    for (const note of ordered.notes) output.note(`note: ${note}`);
    const client = connectTo(layout, { signal, patienceMs: RESTART_PATIENCE_MS });
    let status = await untilSettled(context, client, ordered, beganAt);
    const note = buildNote(status);
    if (note !== null) output.note(note);
    if (await trustIsGranted(context, status)) {
      beganAt = performance.now();
      ordered = await order(context, layout, { ...request, trust: true });
      status = await untilSettled(context, client, ordered, beganAt, { trusted: true });
    }
    if (opensDashboard(context, options)) return await watch(context, layout, ordered, status);
    return report(context, layout, ordered, status);
  } catch (error) {
    if (signal.aborted)
      output.note(
        known === null
          ? 'Interrupted before any agent was ordered. `swarm status` shows what is up.'
          : 'Interrupted: what was ordered comes up in the background. `swarm status` shows it, `swarm down` ends it.',
      );
    throw error;
  }
}

/** Checks everything that can be found wrong before any start. */
async function prepare(context: Context, options: UpOptions): Promise<ProjectLayout> {
  const { layout: here, calledIn } = await lookHere(context);
  const { root } = here;
  const { bare } = await findRepository(root);
  if (bare && calledIn !== root)
    context.output.note(`note: swarm.yaml and the branch to start from are those of ${root}, not of ${calledIn}`);
  const config = await loadConfig(root);
  const blocked = await taskBranchesBlocked(root);
  if (blocked !== null) throw blocked;
  const own = withWorktreesDir(here, config.worktree);
  refuseUnwritable(own.worktreesDir);
  const layout = withWorktreesDir(await placeForUp(own, context.output), config.worktree);
  const ignored = await ignoredStates(layout);
  if (ignored !== null) context.output.note(`note: ${ignored}`);
  await makeDirectories(layout, currentUid());
  await approveConfig(context, layout, config, options.yes === true);
  await noteLacking(context, layout, config.worktree);
  await noteMissing(context, layout, config.worktree);
  notePrograms(context, layout, config);
  await Promise.all([
    inspectTmux(config.tmux.program, { signal: context.interrupt.signal }),
    ensureClaude(context, layout, config, options.yes === true),
    keepEnvironment(layout, context.env),
  ]);
  return layout;
}

/** Where no worktree can be made no agent can start, however long it is tried. */
function refuseUnwritable(worktreesDir: string): void {
  const found = unwritable(worktreesDir);
  if (found === null) return;
  throw new SwarmError('unwritable', `no worktree can be made in ${worktreesDir}: ${found.place}: ${found.why}`, {
    hint: 'Give yourself the right, or name another directory as worktree.dir in swarm.yaml.',
    lasting: true,
  });
}

async function order(context: Context, layout: ProjectLayout, request: UpRequest): Promise<UpDocument> {
  const { signal } = context.interrupt;
  for (let attempt = 1; ; attempt += 1) {
    await supervisorForUp(context, layout);
    await moveEnvironment(context, layout);
    try {
      return await connectTo(layout, { signal }).swarm.up(request);
    } catch (error) {
      // The order names the wanted state, so that a repeated one changes nothing.
      if (!isGone(error) || attempt === ORDER_ATTEMPTS) throw error;
    }
  }
}

/**
 * Moves the environment to the supervisor's directory, should it differ from the one where this `up` began: an `up` of
 * another shell was quicker.
 */
async function moveEnvironment(context: Context, begun: ProjectLayout): Promise<void> {
  const place = await located(begun);
  if (place === begun) return;
  await keepEnvironment(place, context.env);
  await rm(begun.envSnapshot, { force: true });
  // Only an empty directory is removed.
  await rmdir(begun.runtimeDir).catch(() => undefined);
}

/** Whether the supervisor is gone; one that is just ending still holds its lock. */
function isGone(error: unknown): boolean {
  const codes = ['supervisor-down', 'supervisor-unreachable', 'connection-lost'];
  return error instanceof SwarmError && codes.includes(error.code);
}

/**
 * Waits until no agent is on its way any more, or the time is over.
 * @returns the last status
 * @param trusted the person has just trusted the repository: an agent that still asks has not looked again yet
 */
async function untilSettled(
  context: Context,
  client: SwarmClient,
  ordered: UpDocument,
  beganAt: number,
  { trusted = false } = {},
): Promise<StatusDocument> {
  const ids = ordered.wanted;
  const progress = new UpProgress(ids);
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const status = await client.status.show().catch((error: unknown) => {
      throw isGone(error) ? wentDown(error) : error;
    });
    if (ids.every((id) => status.agents.find((agent) => agent.id === id)?.status === 'stopped')) throw wentDown();
    for (const line of progress.news(status, performance.now() - beganAt)) context.output.note(line);
    const asks =
      trusted && performance.now() - beganAt < TRUST_TIMEOUT_MS && status.needsYou.some(({ kind }) => kind === 'trust');
    const late = performance.now() > deadline && !isSettingUp(status, ids);
    if ((underWay(status, ids).length === 0 && !asks) || late) return status;
    await sleep(systemClock, POLL_MS, context.interrupt.signal);
  }
}

/**
 * The error for an ordered `down`. A crash is none: agents start the supervisor again, and the client has waited for
 * it.
 */
function wentDown(cause?: unknown): SwarmError {
  return new SwarmError('went-down', 'swarm was taken down again while it came up', {
    hint: 'Run `swarm up` again if that was not meant; `swarm logs supervisor` tells what happened.',
    cause,
    retrySafe: true,
  });
}

async function trustIsGranted(context: Context, status: StatusDocument): Promise<boolean> {
  const asked = status.needsYou.find((item) => item.kind === 'trust');
  if (asked === undefined || !context.interactive) return false;
  return await confirm(
    context,
    `Claude Code asks whether ${status.project.root} is trusted: it will read, change and run files there. Trust it?`,
  );
}

/**
 * Whether the dashboard is opened. With --detach, without a terminal, or inside an agent, the table is printed instead.
 */
function opensDashboard(context: Context, { detach }: UpOptions): boolean {
  return detach !== true && canBePainted(context) && agentAround(context.env) === null;
}

async function watch(
  context: Context,
  layout: ProjectLayout,
  ordered: UpDocument,
  status: StatusDocument,
): Promise<number> {
  await showDashboard(context, layout, status);
  const { output } = context;
  output.line(
    `${status.project.name} works on. Back to the dashboard: ${output.command} dash; to end it: ${output.command} down`,
  );
  return exitCodeOf(ordered, status);
}

function report(context: Context, layout: ProjectLayout, ordered: UpDocument, status: StatusDocument): number {
  const { output } = context;
  output.document({ ...ordered, agents: status.agents } satisfies UpDocument);
  for (const line of statusLines(output, status, Date.now())) output.line(line);
  const { broken, late } = notReady(ordered, status);
  output.line();
  for (const line of brokenLines(status, broken)) output.line(line);
  const logged = broken.filter((id) => existsSync(path.join(layout.logsDir, `${id}.jsonl`)));
  output.line(nextStep(output.command, status, { broken, logged, late }));
  return exitCodeOf(ordered, status);
}

function notReady(ordered: UpDocument, status: StatusDocument): { broken: string[]; late: string[] } {
  const ids = ordered.wanted;
  const broken = status.agents
    .filter((agent) => ids.includes(agent.id) && BROKEN.includes(agent.status))
    .map((agent) => agent.id);
  return { broken, late: underWay(status, ids) };
}

function exitCodeOf(ordered: UpDocument, status: StatusDocument): number {
  const { broken, late } = notReady(ordered, status);
  if (broken.length > 0) return 1;
  return late.length > 0 ? 3 : 0;
}

/** Why each broken agent is broken, in full where the table shows less; and that the others are not. Pure. */
export function brokenLines(status: StatusDocument, broken: readonly string[]): string[] {
  const isCut = (reason: string): boolean => reason.includes('\n') || reason.length > WHY_CHARS;
  const long = status.agents.filter(({ id, reason }) => broken.includes(id) && isCut(reason ?? ''));
  // The same cause is printed once, in the words of the first agent.
  const causes = Map.groupBy(long, ({ id, reason }) =>
    (reason ?? '').replaceAll(id, '').replaceAll(/ after \S+?s\b/g, ''),
  );
  const told = [...causes.values()].flatMap((agents) => {
    const [first = '', ...rest] = plain(agents[0]?.reason ?? '').split('\n');
    return [`${agents.map(({ id }) => id).join(', ')}: ${first}`, ...rest.map((line) => `    ${line}`)];
  });
  const others = status.agents.filter(({ id, status: is }) => !broken.includes(id) && is !== 'stopped');
  if (told.length === 0 || others.length === 0) return told;
  return [...told, `The others take tasks all the same: ${others.map(({ id }) => id).join(', ')}.`];
}

/** The agents that are not ready; `logged`: the broken ones that have a log. */
export interface Settled {
  broken: readonly string[];
  logged: readonly string[];
  late: readonly string[];
}

/** The one command to type next. */
export function nextStep(command: string, status: StatusDocument, { broken, logged, late }: Settled): string {
  // An agent that has no log may have said something in its terminal.
  if (broken.length > 0)
    return logged.length > 0 ? `Next: ${command} logs ${logged[0]}` : `Next: ${command} attach ${broken[0]}`;
  if (late.length > 0) return `Not ready yet: ${late.join(', ')}. Next: ${command} status`;
  if (status.needsYou.length > 0) return 'Next: answer what needs you, above.';
  return `Next: ${command} task add "what is to be done"    (look at one: ${command} attach ${status.agents[0]?.id ?? 'worker-1'})`;
}
