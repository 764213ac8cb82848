import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { MCP_FILE, projectServers, serverArgv, type McpServers } from './mcp.ts';
import type { Config } from './schema.ts';

/** Programs of a config with the key that names each. */
export type NamedPrograms = [key: string, argv: string[]][];

/** Settings of roles about what their agents may do, with the key of each. */
export type NamedPermissions = [key: string, values: string[]][];

/** The file with the hashes of the programs and the permissions that the person has approved. */
export function approvalFile(stateDir: string): string {
  return path.join(stateDir, 'approved.json');
}

export function approvalHash(named: NamedPrograms | NamedPermissions): string {
  return createHash('sha256').update(JSON.stringify(named)).digest('hex');
}

/**
 * Each setting that can start a program and is not swarm's own default, with its key. Pure.
 * @param servers of the project's .mcp.json, which agents of a role with `mcp: inherit` get
 */
export function programsOf(config: Config, servers: McpServers = {}): NamedPrograms {
  const found: NamedPrograms = [];
  for (const [role, { command, mcp }] of Object.entries(config.agents)) {
    if (command.length !== 1 || command[0] !== 'claude') found.push([`agents.${role}.command`, command]);
    if (mcp === 'inherit') found.push([`agents.${role}.mcp`, ['inherit']]);
  }
  for (const [name, server] of Object.entries(servers)) found.push([`${MCP_FILE} ${name}`, serverArgv(server)]);
  for (const key of ['setup', 'teardown'] as const)
    for (const argv of config.worktree[key]) found.push([`worktree.${key}`, argv]);
  for (const [name, argv] of Object.entries(config.verify)) found.push([`verify.${name}`, argv]);
  const { command, webhook } = config.alerts;
  if (command !== undefined) found.push(['alerts.command', command]);
  // Alerts that are sent there leave the machine.
  if (webhook !== undefined) found.push(['alerts.webhook', [webhook]]);
  if (config.tmux.program !== 'tmux') found.push(['tmux.program', [config.tmux.program]]);
  return found.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * What roles let their agents do beyond swarm's own default, or forbid them, with the key of each. Pure. Roles of kind
 * shell have no such rules.
 */
export function permissionsOf(config: Config): NamedPermissions {
  return Object.entries(config.agents)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([role, { kind, permissionMode, allow, deny }]): NamedPermissions => {
      const rows: NamedPermissions = [
        [`agents.${role}.permissionMode`, permissionMode === 'acceptEdits' ? [] : [permissionMode]],
        [`agents.${role}.allow`, allow],
        [`agents.${role}.deny`, deny],
      ];
      return kind === 'claude' ? rows.filter(([, values]) => values.length > 0) : [];
    });
}

/** The hashes that the person has approved; null: none of this kind yet. */
export interface Approved {
  programs: string | null;
  permissions: string | null;
}

export function readApproved(file: string): Approved {
  try {
    const { hash, permissions } = JSON.parse(readFileSync(file, 'utf8')) as { hash?: string; permissions?: string };
    return { programs: hash ?? null, permissions: permissions ?? null };
  } catch {
    // Absent or damaged: nothing is approved, and the person is asked.
    return { programs: null, permissions: null };
  }
}

/** The text of the file that `readApproved` reads. Pure. */
export function approvedText({ programs, permissions }: Approved): string {
  // An earlier swarm knows `hash` alone.
  return JSON.stringify({ hash: programs ?? undefined, permissions: permissions ?? undefined });
}

/** True when every program of this config was approved, or is swarm's own default. */
export function isApproved(config: Config, { stateDir, root }: { stateDir: string; root: string }): boolean {
  const programs = programsOf(config, projectServers(config, root));
  return programs.length === 0 || readApproved(approvalFile(stateDir)).programs === approvalHash(programs);
}

/** True when the permissions of every role were approved, or are swarm's own default. */
export function arePermissionsApproved(config: Config, { stateDir }: { stateDir: string }): boolean {
  const permissions = permissionsOf(config);
  return permissions.length === 0 || readApproved(approvalFile(stateDir)).permissions === approvalHash(permissions);
}
