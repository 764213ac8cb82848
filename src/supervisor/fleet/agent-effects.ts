import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { hooksGate, inspectClaude } from '../../claude/preflight.ts';
import { NO_USAGE } from '../../domain/agent.ts';
import type { ModelPermit } from '../../coordination/model-permit.ts';
import type { Order } from '../../coordination/link.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { AGENT_MARK, WRAPPER_MARK } from '../../domain/marks.ts';
import { clearStaleLocks } from '../../git/repository/stale-lock.ts';
import { taskBranch } from '../../git/task/task-branches.ts';
import { addWorktree, isRegisteredWorktree } from '../../git/worktree/worktrees.ts';
import { timeLimit } from '../../lib/clock.ts';
import { lastWords } from '../../tmux/last-words.ts';
import { findProgram } from '../../lib/start-error.ts';
import { unwritable } from '../../worktree/writable.ts';
import { endTree, worksInside } from '../../process/index.ts';
import { TmuxError } from '../../tmux/errors.ts';
import { setUpWith } from '../worktree/set-up.ts';
import { sharedFor } from '../../lib/shared-for.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import { appendAgentLog } from '../project/agent-log.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { AgentEffects } from './agent-steps.ts';
import { loadEnvironment } from '../project/environment-snapshot.ts';
import type { EventLog } from '../project/event-log.ts';
import { ownObstacle } from './own-programs.ts';
import { blockingGate, type Obstacle } from './start-gates.ts';
import type { Project } from '../project/project.ts';
import { buildSpec, specFile, writeSpecFile } from './agent-spec.ts';
import type { TmuxHost } from './tmux-host.ts';
import type { Roster } from './roster.ts';

const GATE_TIMEOUT_MS = 20_000;
/** Thirty agents that start or wait at the same moment share one inspection. */
const GATE_SHARED_MS = 1_000;

export interface AgentEffectsDeps {
  project: Project;
  log: Logger;
  events: EventLog;
  env: Record<string, string>;
  buildId: string;
  programs: { wrapper: string[]; supervisor: string[] };
  engine: TaskEngine;
  tmux: TmuxHost;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  roster: Pick<Roster, 'base' | 'trusted' | 'startsWith' | 'wrapperEnded' | 'restarted' | 'save'>;
  /** The model permit that a wrapper begins with, before the link brings another. */
  holds: { gateOf(record: AgentRecord): ModelPermit | null };
  /** Ends operations in the worktree that a kill cut short. */
  works: { settle(record: AgentRecord): Promise<void> };
}

/** The real outside world of the agents: git, tmux, processes, Claude Code's gates, the store. */
export function agentEffects(deps: AgentEffectsDeps): AgentEffects {
  const { project, log, events, tmux, engine } = deps;
  const { layout, config } = project;
  /** Removes stale locks of an agent of which no process lives. */
  const unlock = async ({ id, worktree }: AgentRecord): Promise<void> => {
    const { gitCommonDir } = layout;
    const refs = [`swarm/checkpoints/${id}`, ...engine.leases(id).map(({ task }) => `heads/${taskBranch(task)}`)];
    const removed = await clearStaleLocks({ worktree, gitCommonDir, refs }, () =>
      worksInside([gitCommonDir, ...(existsSync(worktree) ? [realpathSync(worktree)] : [])], 'git'),
    );
    if (removed.length > 0) log.warn({ agent: id, removed }, 'locks of a git that was killed are removed');
  };
  const roleOf = (record: AgentRecord) => {
    const role = config.agents[record.row.role];
    if (role === undefined) throw new Error(`swarm.yaml has no role ${record.row.role} any more`);
    return role;
  };
  const inspect = sharedFor(GATE_SHARED_MS, async (command: string[], env: Record<string, string>) => {
    const signal = timeLimit(GATE_TIMEOUT_MS);
    return (await inspectClaude({ command, env, root: layout.root, signal })).gates;
  });
  const settings = async (record: AgentRecord): Promise<Obstacle | null> => {
    if (roleOf(record).kind === 'shell') return null;
    const env = loadEnvironment(layout.envSnapshot, deps.env);
    const cwd = existsSync(record.worktree) ? record.worktree : null;
    const gate = await hooksGate(env, { root: layout.root, cwd });
    return gate === null ? null : blockingGate([gate], true);
  };
  return {
    log,
    events,
    now: () => Date.now(),
    get stopGraceMs() {
      return config.stopGrace;
    },
    policy: (record) => {
      const role = config.agents[record.row.role];
      if (role === undefined) return null;
      return {
        restart: role.restart,
        intensity: role.intensity,
        windowMs: role.window,
        backoffMs: role.backoff,
        backoffMaxMs: role.backoffMax,
      };
    },
    gate: async (record) => {
      const own = ownObstacle({
        wrapper: deps.programs.wrapper,
        tmux: tmux.serverPid === null ? config.tmux.program : null,
        searchPath: process.env['PATH'],
      });
      if (own !== null) return own;
      const role = roleOf(record);
      if (role.kind === 'shell') return null;
      // The environment of the last `up`: with it a person may have set a token.
      const env = loadEnvironment(layout.envSnapshot, deps.env);
      const { command } = claudeCommand(deps, role.command, env);
      const gates = await inspect(command, env);
      return blockingGate(gates, deps.roster.trusted) ?? (await settings(record));
    },
    settings,
    logError: (agent, text) => appendAgentLog(layout, agent, text.replaceAll('\n', ' '), 'error'),
    ensureWorktree: async (record) => {
      if (existsSync(record.worktree) && (await isRegisteredWorktree(layout.root, record.worktree))) return null;
      events.emit('agent.worktree', { agent: record.id, data: { path: record.worktree } });
      const { notes } = await newWorktree(layout, record.worktree, deps.roster.base.commit);
      return notes.length === 0 ? null : notes.join('; ');
    },
    setUp: setUpWith({ layout, config, log, events, env: () => loadEnvironment(layout.envSnapshot, deps.env) }),
    writeSpec: async (record) => {
      const role = roleOf(record);
      const env = loadEnvironment(layout.envSnapshot, deps.env);
      const { installed } = claudeCommand(deps, role.command, env);
      const spec = buildSpec(record, role, {
        layout,
        config,
        base: deps.roster.base,
        buildId: deps.buildId,
        supervisorArgv: deps.programs.supervisor,
        trustWorkspace: deps.roster.trusted,
        claudeCommand: installed,
        env,
        gate: deps.holds.gateOf(record),
      });
      deps.roster.startsWith(record, spec);
      await writeSpecFile(layout, spec);
      return specFile(layout, record.id);
    },
    openPane: (record, file) =>
      tmux.run(record.id, record.observed.pane, {
        argv: [...deps.programs.wrapper, '--spec', file],
        cwd: record.worktree,
        env: { [WRAPPER_MARK]: `${layout.hash}/${record.id}` },
      }),
    closePane: async ({ id, observed: { pane } }) => {
      if (pane === null) return;
      try {
        await tmux.close(pane);
      } catch (error) {
        // The pane is empty. A server that hangs is ended when the supervisor goes down; one that answers again shows
        // the pane, which is closed then.
        if (!(error instanceof TmuxError) || !['tmux-timeout', 'tmux-gone'].includes(error.code)) throw error;
        log.warn({ err: error, agent: id }, 'a pane could not be closed');
      }
    },
    lastWords: async ({ id, observed: { pane } }) => {
      if (pane === null) return null;
      try {
        return lastWords(await tmux.printed(pane.pane));
      } catch (error) {
        log.warn({ err: error, agent: id }, 'what a wrapper said cannot be read');
        return null;
      }
    },
    endProcesses: async (record, graceMs) => {
      const prefix = `${layout.hash}/${record.id}`;
      // Wrappers first: they would start ended agents again.
      const left = [];
      for (const name of [WRAPPER_MARK, AGENT_MARK]) {
        const { survivors } = await endTree({ roots: [], mark: { name, prefix }, graceMs });
        left.push(...survivors.map(({ pid }) => pid));
      }
      // Where the agent stays stopped, a lock may be the last sign of a person's work: `rm` keeps the worktree for it.
      if (left.length === 0 && record.row.desired !== 'stopped') await unlock(record);
      return left;
    },
    order: deps.order,
    giveBackLeases: (record, how, reason) => giveBackLeases(engine, record, how, reason),
    roster: deps.roster,
    settleOperations: (record) => deps.works.settle(record),
  };
}

/** Failures of a new worktree that each further try would meet, until a person has acted. */
const IN_THE_WAY = ['worktree-exists', 'worktree-locked', 'unknown-revision', 'permission-denied'];

async function newWorktree({ root, worktreesDir }: ProjectLayout, place: string, commit: string) {
  const found = unwritable(worktreesDir);
  if (found !== null) {
    throw new SwarmError('unwritable', `${place} cannot be made: ${found.place}: ${found.why}`, {
      hint: 'Give yourself the right, or name another directory as worktree.dir in swarm.yaml.',
      lasting: true,
    });
  }
  try {
    return await addWorktree({ root, path: place, commit });
  } catch (error) {
    if (!(error instanceof SwarmError) || !IN_THE_WAY.includes(error.code)) throw error;
    throw new SwarmError(error.code, error.message, { hint: error.hint, cause: error, lasting: true });
  }
}

async function giveBackLeases(
  engine: TaskEngine,
  record: AgentRecord,
  how: 'lost' | 'released',
  reason: string,
): Promise<void> {
  const leases = engine.leases(record.id);
  if (leases.length === 0) return;
  if (how === 'lost') {
    await engine.lost({ agent: record.id }, reason);
    return;
  }
  // A wrapper that this supervisor has never heard may have spooled any result.
  const isSpooled = ({ task, attempt }: { task: string; attempt: number }): boolean =>
    record.observed.snapshot?.spooled.some((other) => other.task === task && other.attempt === attempt) ?? true;
  // A spooled result comes with the next wrapper, and is only taken then if its attempt counts as lost.
  const unfinished = leases.filter((lease) => !isSpooled(lease));
  if (unfinished.length < leases.length)
    await engine.lost({ agent: record.id, except: unfinished }, `${reason} before a result got through`);
  for (const { task, attempt, since } of unfinished) {
    await engine.result({
      task,
      attempt,
      agent: record.id,
      outcome: 'released',
      errorClass: null,
      error: reason,
      summary: '',
      commit: null,
      branch: null,
      notes: [],
      // The agent's conversation may be of the task before; the attempt's own, where known, stays stored.
      sessionId: null,
      usage: { ...NO_USAGE },
      startedAt: new Date(since).toISOString(),
      endedAt: new Date().toISOString(),
    });
  }
}

/**
 * The command of Claude Code: the one in the config, or the copy that swarm installed for this user where PATH has
 * none.
 */
function claudeCommand(
  deps: AgentEffectsDeps,
  command: string[],
  env: Readonly<Record<string, string>>,
): { command: string[]; installed: string[] | null } {
  const own = path.join(deps.project.layout.swarmStateDir, 'claude', 'node_modules', '.bin', 'claude');
  const isPlain = command.length === 1 && command[0] === 'claude';
  const place = { program: 'claude', cwd: '/', searchPath: env['PATH'] };
  if (!isPlain || findProgram(place) !== null || !existsSync(own)) return { command, installed: null };
  return { command: [own], installed: [own] };
}
