import { readFile } from 'node:fs/promises';
import path from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;
type Json = Record<string, unknown>;

/** The directory of a person's settings, sessions and login of Claude Code. */
export function configDir(env: Env): string {
  return env['CLAUDE_CONFIG_DIR'] || path.join(env['HOME'] ?? '/', '.claude');
}

/** Claude Code's own notes: onboarding, approved keys, trusted folders. Absent or unreadable: empty. */
export async function readClaudeJson(env: Env): Promise<Json> {
  const file = env['CLAUDE_CONFIG_DIR']
    ? path.join(env['CLAUDE_CONFIG_DIR'], '.claude.json')
    : path.join(env['HOME'] ?? '/', '.claude.json');
  return (await readJson(file)) ?? {};
}

/** The environment that Claude Code itself will see: `env` of the settings goes over the shell's. */
export function effectiveEnv(env: Env, settings: readonly Json[]): Env {
  return Object.assign({}, env, ...settings.map((one) => stringsOf(one['env'])).reverse()) as Env;
}

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/**
 * Null where there is none or it is unusable. Claude Code itself reports a broken file when it starts; swarm only must
 * not fail by it.
 */
export async function readJson(file: string): Promise<Json | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return object(JSON.parse(text));
  } catch {
    return null;
  }
}

function stringsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
