import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from './schema.ts';

/** Where a project names the MCP servers that Claude Code starts for it. */
export const MCP_FILE = '.mcp.json';

export type McpServers = Record<string, unknown>;

/**
 * The MCP servers of the project, as they stand in the person's checkout, where a role asks for them. Claude Code itself
 * would read the file of the agent's worktree, which the agent may write.
 */
export function projectServers(config: Config, root: string): McpServers {
  if (!Object.values(config.agents).some(({ mcp }) => mcp === 'inherit')) return {};
  try {
    const parsed: unknown = JSON.parse(readFileSync(path.join(root, MCP_FILE), 'utf8'));
    return record(record(parsed)['mcpServers']);
  } catch {
    // None, or a broken one: Claude Code tells the person who starts it there what is wrong with it.
    return {};
  }
}

/** What a server runs or reaches, as the person is shown it. Pure. */
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
