import { object, strings } from './home.ts';

type Json = Record<string, unknown>;

/**
 * The MCP servers that the person would have in `root`: those of the user, of the user for this project, and of the
 * project's .mcp.json, the later ones winning, without those that they have switched off. Claude Code gets them by
 * name, with `--strict-mcp-config`: so it asks nothing about a .mcp.json, and starts no server that an agent wrote into
 * one. Pure.
 * @param person their settings, the strongest first
 * @param project servers of the project's .mcp.json that the person has approved
 */
export function inheritedServers(
  claudeJson: Json,
  person: readonly Json[],
  { root, servers: project }: { root: string; servers: Readonly<Json> },
): Json {
  const here = object(object(claudeJson['projects'])[root]);
  const off = new Set([...strings(here['disabledMcpServers'])]);
  const offOfProject = new Set([here, ...person].flatMap((one) => strings(one['disabledMcpjsonServers'])));
  const all = [
    ...Object.entries(object(claudeJson['mcpServers'])),
    ...Object.entries(object(here['mcpServers'])),
    ...Object.entries(project).filter(([name]) => !offOfProject.has(name)),
  ];
  return Object.fromEntries(all.filter(([name]) => !off.has(name)));
}
