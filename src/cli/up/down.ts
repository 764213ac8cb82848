import { existsSync, readFileSync, rmSync } from 'node:fs';
import { connect } from '../../api/client.ts';
import { leaveForDead } from '../../broker/index.ts';
import { copyBeforeStop } from '../../coordination/before-stop.ts';
import { loadConfig } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { AGENT_MARK, WRAPPER_MARK } from '../../domain/marks.ts';
import { someoneListens } from '../../lib/unix-socket.ts';
import { waitFor } from '../../lib/wait.ts';
import { findMarked, identityOf, isAlive } from '../../process/index.ts';
import { confirm } from '../project/ask.ts';
import type { Context, Project } from '../project/context.ts';
import { oneLine } from '../say/output.ts';
import { located, openProject } from '../project/project.ts';
import { ensureSupervisor, writtenPid } from '../project/supervise.ts';

/**
 * Time for agents to end within their grace, for their trees to be proved gone, and for the broker to stop with its
 * last project.
 */
const DOWN_TIMEOUT_MS = 120_000;
const MOST_TEARDOWN_MS = 60 * 60_000;

export async function down(
  context: Context,
  options: { purge?: boolean; force?: boolean; yes?: boolean },
): Promise<void> {
  const project = await openProject(context);
  const purge = options.purge === true;
  if (options.force === true && !purge)
    throw new SwarmError('usage', '--force belongs to --purge', {
      hint: 'Run `swarm down --purge --force`.',
      exitCode: 2,
    });
  const { output } = context;
  const { name } = project.layout;
  if (purge && context.interactive && options.yes !== true) {
    const sure = await confirm(
      context,
      `Remove the worktrees of ${name} and forget its agents and tasks? Branches swarm/task/* and checkpoints stay.`,
    );
    if (!sure)
      throw new SwarmError('not-confirmed', 'nothing was removed', {
        hint: '`swarm down` alone stops the agents and keeps everything.',
      });
  }
  // Of an earlier try.
  rmSync(project.layout.keptFile, { force: true });
  const stopped = await bringDown(context, project, { purge, force: options.force === true });
  const kept = purge ? keptWorktrees(project.layout.keptFile) : [];
  const purged = purge && stopped && kept.length === 0;
  output.document({ stopped, purged, kept: kept.map(({ worktree }) => worktree), reasons: kept });
  output.line(stopped ? `${name} is down${purged ? ' and purged' : ''}` : `${name} was not up`);
  // Not cut: commands to type may be in the text, with long paths.
  for (const { worktree, why } of kept) output.line(`kept ${worktree}: ${oneLine(why, Infinity)}`);
  if (kept.length > 0)
    output.note(
      'See to what is in there and run `swarm down --purge` again, or with --force, which moves work to checkpoints. Agents and tasks are kept until then; `swarm undo AGENT` brings a worktree back that did go.',
    );
  if (purged) output.note(`To take it back: \`swarm undo AGENT\`, for each agent.`);
  if (stopped && !purge)
    output.note('Tasks, checkpoints, conversations and worktrees are kept: `swarm up` goes on with them.');
}

/** The worktrees that the supervisor would not remove, from its last file. */
function keptWorktrees(file: string): { worktree: string; why: string }[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { worktree: string; why: string }[]) : [];
}

/** Brings swarm down. @returns false when there was nothing to stop or purge */
async function bringDown(
  context: Context,
  { layout, client }: Project,
  how: { purge: boolean; force: boolean },
): Promise<boolean> {
  let pid: number | null = null;
  try {
    pid = (await client.status.show()).supervisor.pid;
  } catch (error) {
    if (!(error instanceof SwarmError) || error.code !== 'supervisor-down') throw error;
    const left = (how.purge && existsSync(layout.db)) || (await someoneListens(layout.tmuxSocket)) || outlived(layout);
    if (!left) {
      if (await leaveForDead(layout.brokerDir, layout.hash, copyBeforeStop(layout.swarmStateDir)))
        context.output.note('The supervisor was killed and left the broker running; it is stopped now.');
      return false;
    }
    // Only a supervisor can end them without harm, so it is started again for that.
    context.output.note('The supervisor is gone but left something; it is started once more to clean up.');
    pid = (await ensureSupervisor(layout, context.env, context.output, context.interrupt.signal)).supervisor.pid;
  }
  // When the supervisor ends, the record of its address goes too.
  const place = await located(layout);
  // Only true fields are sent: a supervisor of an older version must still understand the order.
  await client.swarm.down({ purge: how.purge || undefined, force: how.force || undefined });
  await waitUntilGone(context, place, pid ?? writtenPid(place), await patience(place, how.purge));
  return true;
}

/** Whether processes of agents or set-ups outlived a supervisor that was killed. */
function outlived({ hash, supervisorPidFile }: ProjectLayout): boolean {
  return existsSync(supervisorPidFile) && [WRAPPER_MARK, AGENT_MARK].some((mark) => findMarked(mark, hash).length > 0);
}

/** Worktrees may take their time to be torn down, ms. */
async function patience({ root }: ProjectLayout, purge: boolean): Promise<number> {
  if (!purge) return DOWN_TIMEOUT_MS;
  // With a broken swarm.yaml the earlier settings stay in force in the supervisor.
  const worktree = await loadConfig(root).then(
    (config) => config.worktree,
    () => null,
  );
  return DOWN_TIMEOUT_MS + (worktree === null || worktree.teardown.length > 0 ? MOST_TEARDOWN_MS : 0);
}

async function waitUntilGone(
  context: Context,
  layout: ProjectLayout,
  pid: number | null,
  timeoutMs: number,
): Promise<void> {
  // Without waiting for a restart: its absence is what is waited for.
  const client = connect(layout);
  // Only its number is known; it lived a moment ago, so the number is still its own.
  const supervisor = pid === null ? null : identityOf(pid);
  let told = '';
  let seenStopping = false;
  const gone = async (): Promise<boolean> => {
    const status = await client.status.show().catch(() => null); // An error: it may have ended.
    if (status !== null) {
      // A supervisor of an older build is `up` to its end. One that has been `stopping`, or that has another pid, was
      // brought up again.
      const { state } = status.supervisor;
      if (state === 'up' && (seenStopping || status.supervisor.pid !== pid)) throw wentUp();
      seenStopping ||= state === 'stopping';
      const left = status.agents.filter((agent) => agent.status !== 'stopped').map((agent) => agent.id);
      const line = left.length === 0 ? 'agents stopped' : `stopping ${left.join(', ')}`;
      if (line !== told) context.output.note(line);
      told = line;
      return false;
    }
    return (supervisor === null || !isAlive(supervisor)) && !(await someoneListens(layout.apiSocket));
  };
  try {
    await waitFor(gone, {
      timeoutMs,
      intervalMs: 50,
      signal: context.interrupt.signal,
      what: 'everything to end',
    });
  } catch (error) {
    if (context.interrupt.signal.aborted)
      context.output.note('Interrupted: it goes on going down; `swarm status` tells when it is.');
    if (!(error instanceof SwarmError) || error.code === 'went-up') throw error;
    const { code, message } = error;
    throw new SwarmError(code, message, {
      hint: '`swarm logs supervisor` tells what it waits for.',
      exitCode: 3,
      cause: error,
    });
  }
}

/** The last order counts, and it was another person's. */
function wentUp(): SwarmError {
  return new SwarmError('went-up', 'swarm was brought up again while it went down', {
    hint: 'Run `swarm down` again if that was not meant.',
    retrySafe: true,
  });
}
