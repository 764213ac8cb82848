import { createHash } from 'node:crypto';
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import type { ModelPermit } from '../../coordination/model-permit.ts';
import { agentSpecSchema, type AgentSpec } from '../../coordination/link.ts';
import { personalCapability, SHELL_CAPABILITY } from '../../coordination/tickets.ts';
import { isApproved, projectServers, verifyRules, type Config, type RoleConfig } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { agentSettings } from '../../git/worktree/agent-settings.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import { agentVariables } from '../../worktree/agent-variables.ts';
import { setupSettings } from '../../worktree/setup-settings.ts';

export interface SpecContext {
  layout: ProjectLayout;
  config: Config;
  base: { branch: string | null; commit: string };
  buildId: string;
  supervisorArgv: string[];
  trustWorkspace: boolean;
  /** argv of Claude Code where the config's own is not to be used (swarm's own copy). */
  claudeCommand: string[] | null;
  /** The person's environment. */
  env: Readonly<Record<string, string>>;
  /** Null: it asks no model. */
  gate: ModelPermit | null;
}

export function specFile(layout: ProjectLayout, agent: string): string {
  return path.join(layout.specDir, `${agent}.json`);
}

/** The spec with which this agent's wrapper begins. */
export function buildSpec(record: AgentRecord, role: RoleConfig, context: SpecContext): AgentSpec {
  const { layout, config } = context;
  const isShell = role.kind === 'shell';
  const command =
    !isShell && context.claudeCommand !== null && role.command[0] === 'claude' ? context.claudeCommand : role.command;
  return {
    agent: record.id,
    kind: role.kind,
    slots: role.slots,
    capabilities: [...role.capabilities, personalCapability(record.id), ...(isShell ? [SHELL_CAPABILITY] : [])],
    command: role.model === undefined || isShell ? command : [...command, '--model', role.model],
    worktree: record.worktree,
    project: layout.hash,
    root: layout.root,
    gitCommonDir: layout.gitCommonDir,
    stateDir: layout.stateDir,
    shadowGit: layout.shadowGit,
    spoolDir: layout.spoolDir,
    logsDir: layout.logsDir,
    runtimeDir: layout.runtimeDir,
    linkSocket: layout.linkSocket,
    tmuxSocket: layout.tmuxSocket,
    tmuxProgram: config.tmux.program,
    envSnapshot: layout.envSnapshot,
    token: record.token,
    supervisorArgv: context.supervisorArgv,
    settings: settingsKey(role, config),
    buildId: context.buildId,
    base: context.base,
    idle: role.idle,
    permissionMode: role.permissionMode,
    allow: [...role.allow, ...verifyRules(config)],
    deny: role.deny,
    ...extras(record, role, context),
    unanswered: { policy: config.permissions.unanswered, afterMs: config.permissions.after },
    trustWorkspace: context.trustWorkspace,
    restart: {
      policy: role.restart,
      intensity: role.intensity,
      windowMs: role.window,
      backoffMs: role.backoff,
      backoffMaxMs: role.backoffMax,
    },
    checkpoints: {
      everyMs: config.checkpoints.every,
      maxFileBytes: config.checkpoints.maxFileSize,
      before: config.checkpoints.before,
    },
    stopGraceMs: config.stopGrace,
    heartbeatMs: config.tasks.heartbeat,
    ...(context.gate === null ? {} : { gate: context.gate }),
    resume: record.row.sessionId === null ? null : { sessionId: record.row.sessionId },
  };
}

function extras(record: AgentRecord, role: RoleConfig, { layout, config, env }: SpecContext): Partial<AgentSpec> {
  const { ports } = config.worktree;
  const approved = role.mcp === 'inherit' && isApproved(config, layout);
  return {
    setup: setupSettings(config.worktree),
    variables: {
      ...agentVariables(record, layout),
      ...agentSettings(record.worktree, env),
    },
    ...(ports === undefined || record.portBase === null ? {} : { ports: { base: record.portBase, size: ports.size } }),
    // From a .mcp.json that changed since the person approved it no server is started.
    ...(role.mcp === 'inherit' ? { mcpServers: approved ? projectServers(config, layout.root) : {} } : {}),
  };
}

export async function writeSpecFile(layout: ProjectLayout, spec: AgentSpec): Promise<void> {
  await writeFileAtomic(specFile(layout, spec.agent), `${JSON.stringify(spec, null, 1)}\n`, { mode: 0o600 });
}

/** The spec of the living wrapper, maybe written by an earlier supervisor; null when there is none. */
export async function readSpec(layout: ProjectLayout, agent: string): Promise<AgentSpec | null> {
  try {
    return agentSpecSchema.parse(JSON.parse(await readFile(specFile(layout, agent), 'utf8')));
  } catch {
    // Never started here, or written by another version: no wrapper could show a known token.
    return null;
  }
}

/** A digest of all settings with which a wrapper of this role is started, and which it keeps for its life. Pure. */
export function settingsKey(role: RoleConfig, config: Config): string {
  const { count: _count, scale: _scale, limits: _limits, ...settings } = role;
  const { worktree, permissions, checkpoints, stopGrace, tasks } = config;
  const { keep: _keep, ...taken } = checkpoints;
  const all = [settings, verifyRules(config), setupSettings(worktree), permissions, taken, stopGrace, tasks.heartbeat];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16);
}
