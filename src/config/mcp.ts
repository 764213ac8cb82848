import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from './schema.ts';

/** The file in which a project names the MCP servers that Claude Code starts for it. */
export const MCP_FILE = '.mcp.json';

export type McpServers = Record<string, unknown>;

/**
 * The MCP servers of the project from the person's checkout, where a role asks for them. Claude Code itself would read
 * the file of the agent's worktree, which the agent may change.
 */
export function projectServers(config: Config, root: string): McpServers {
  if (!Object.values(config.agents).some(({ mcp }) => mcp === 'inherit')) return {};
  try {
    const parsed: unknown = JSON.parse(readFileSync(path.join(root, MCP_FILE), 'utf8'));
    return record(record(parsed)['mcpServers']);
  } catch {
    // None, or a broken file: Claude Code reports that to a person who starts it there.
    return {};
  }
}

/** The program or address of a server, as it is shown to the person. Pure. */
export function serverArgv(server: unknown): string[] {
  const { command, args, env, url } = record(server);
  const variables = Object.entries(record(env)).map(([name, value]) => `${name}=${String(value)}`);
  const words = Array.isArray(args) ? args.map(String) : [];
  if (typeof command === 'string') return [...variables, command, ...words];
  return [typeof url === 'string' ? url : JSON.stringify(server)];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
