import path from 'node:path';
import { dropCommand } from './drops.ts';
import { object } from './home.ts';
import { HTTP_HOOKS } from './hooks.ts';
import type { HttpHook } from './hooks.ts';
import { shellQuote } from '../lib/shell-quote.ts';
import { MCP_SERVER, TOOL_ALLOW_RULES } from './tools.ts';

export interface SettingsInput {
  endpoint: { port: number; token: string; hookDir: string };
  allow: readonly string[];
  deny: readonly string[];
  bypassPermissions: boolean;
  /** Path of the status line's script. */
  statusLineScript: string;
  /** The person's own settings, the strongest first. */
  person: readonly Record<string, unknown>[];
}

/** Seconds. A hook that takes longer lets the agent go on: the endpoint answers in milliseconds or is gone. */
const HOOK_TIMEOUT_S = 10;
/** A week: a person may be away for a long weekend. The dialog in the pane stays open even after that. */
const PERMISSION_TIMEOUT_S = 7 * 24 * 3600;

/** The file for `--settings`. It is merged with the person's own settings and hooks, which go on working. Pure. */
export function buildSettings(input: SettingsInput): Record<string, unknown> {
  const { endpoint, person } = input;
  const base = `http://127.0.0.1:${endpoint.port}`;
  const http = (name: HttpHook): unknown => ({
    type: 'http',
    url: `${base}/hook/${name}`,
    headers: { Authorization: `Bearer ${endpoint.token}` },
    timeout: name === 'PermissionRequest' ? PERMISSION_TIMEOUT_S : HOOK_TIMEOUT_S,
  });
  const start = { type: 'command', command: dropCommand(endpoint.hookDir, 'session-start'), timeout: HOOK_TIMEOUT_S };
  return {
    hooks: {
      SessionStart: [{ hooks: [start] }],
      ...Object.fromEntries(HTTP_HOOKS.map((name) => [name, [{ hooks: [http(name)] }]])),
    },
    permissions: { allow: [...input.allow, ...TOOL_ALLOW_RULES], deny: [...input.deny] },
    statusLine: {
      ...layoutOf(ownStatusLine(person)),
      type: 'command',
      command: `/bin/sh ${shellQuote(input.statusLineScript)}`,
    },
    // Animation takes a third of the processor time of a busy agent.
    prefersReducedMotion: true,
    // Off, since it would call the model whenever the pane was not looked at for a while: an idle agent must cost
    // nothing.
    awaySummaryEnabled: false,
    // Agents of one user could otherwise write prompts into each other's sessions.
    crossSessionInbound: 'refuse',
    ...(input.bypassPermissions ? { skipDangerousModePermissionPrompt: true } : {}),
    // Only where the person has such a list, which would shut the endpoint out; a new list would shut out their own
    // http hooks.
    ...(person.some((one) => Array.isArray(one['allowedHttpHookUrls'])) ? { allowedHttpHookUrls: [`${base}/*`] } : {}),
  };
}

/** The file for `--mcp-config`. Pure. @param inherited the person's own servers, by name */
export function buildMcpConfig(
  endpoint: SettingsInput['endpoint'],
  inherited: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const server = {
    type: 'http',
    url: `http://127.0.0.1:${endpoint.port}/mcp`,
    headers: { Authorization: `Bearer ${endpoint.token}` },
    // Otherwise the tools are hidden behind a search that the model may never do.
    alwaysLoad: true,
  };
  return { mcpServers: { ...inherited, [MCP_SERVER]: server } };
}

/**
 * The status line's script. Pure. It passes Claude Code's report to the endpoint and prints what the person's own
 * status line would have printed.
 */
export function buildStatusLineScript(hookDir: string, person: readonly Record<string, unknown>[]): string {
  const own = ownStatusLine(person)?.['command'];
  const lines = ['#!/bin/sh', 'input=$(cat)', `printf '%s' "$input" | (${dropCommand(hookDir, 'status-line')})`];
  if (typeof own === 'string' && own !== '') lines.push(`printf '%s' "$input" | /bin/sh -c ${shellQuote(own)}`);
  return `${lines.join('\n')}\n`;
}

export function settingsPaths(filesDir: string): { settings: string; mcp: string; statusLine: string; prompt: string } {
  return {
    settings: path.join(filesDir, 'settings.json'),
    mcp: path.join(filesDir, 'mcp.json'),
    statusLine: path.join(filesDir, 'status-line.sh'),
    prompt: path.join(filesDir, 'prompt.md'),
  };
}

/** True where the person has set up telemetry: one process has one exporter, and it stays theirs. */
export function hasOwnTelemetry(env: Readonly<Record<string, string | undefined>>): boolean {
  return Object.entries(env).some(
    ([name, value]) =>
      value !== undefined && value !== '' && (name.startsWith('OTEL_') || name === 'CLAUDE_CODE_ENABLE_TELEMETRY'),
  );
}

function ownStatusLine(person: readonly Record<string, unknown>[]): Record<string, unknown> | null {
  const found = person.map((one) => object(one['statusLine'])).find((one) => one['type'] === 'command');
  return found ?? null;
}

/** The person's layout of the status line. */
function layoutOf(statusLine: Record<string, unknown> | null): Record<string, unknown> {
  const kept = ['padding', 'refreshInterval', 'hideVimModeIndicator'];
  return Object.fromEntries(Object.entries(statusLine ?? {}).filter(([key]) => kept.includes(key)));
}
