import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { MCP_FILE, projectServers, serverArgv, type McpServers } from './mcp.ts';
import type { Config } from './schema.ts';

/** Programs of a config with the key that names each. */
export type NamedPrograms = [key: string, argv: string[]][];

/** The file with the hash of the programs that the person has approved. */
export function approvalFile(stateDir: string): string {
  return path.join(stateDir, 'approved.json');
}

export function approvalHash(programs: NamedPrograms): string {
  return createHash('sha256').update(JSON.stringify(programs)).digest('hex');
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

/** The approved hash; null: nothing was approved yet. */
export function readApproved(file: string): string | null {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { hash?: string }).hash ?? null;
  } catch {
    // Absent or damaged: nothing is approved, and the person is asked.
    return null;
  }
}

/** True when every program of this config was approved, or is swarm's own default. */
export function isApproved(config: Config, { stateDir, root }: { stateDir: string; root: string }): boolean {
  const programs = programsOf(config, projectServers(config, root));
  return programs.length === 0 || readApproved(approvalFile(stateDir)) === approvalHash(programs);
}
