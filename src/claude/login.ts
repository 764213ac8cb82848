import { access } from 'node:fs/promises';
import path from 'node:path';
import { configDir, effectiveEnv, object, readJson, strings } from './home.ts';
import type { Env } from './home.ts';

export type Login =
  | { state: 'in'; by: string }
  | { state: 'out' }
  /** A bare ANTHROPIC_API_KEY: Claude Code first asks about it, with "no" preselected. */
  | { state: 'unapproved-key' };

/** Claude Code keeps so many last characters of each key that a person accepted or refused. */
const KEY_TAIL = 20;
const CLOUDS = [
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
  'CLAUDE_CODE_USE_MANTLE',
];

/** How Claude Code would authenticate, from files and environment alone. Nothing is sent anywhere. */
export async function findLogin(
  env: Env,
  settings: readonly Record<string, unknown>[],
  claudeJson: Record<string, unknown>,
): Promise<Login> {
  const seen = effectiveEnv(env, settings);
  const cloud = CLOUDS.find((name) => truthy(seen[name]));
  if (cloud !== undefined) return { state: 'in', by: cloud };
  const key = seen['ANTHROPIC_API_KEY'];
  const answers = object(claudeJson['customApiKeyResponses']);
  const tail = key?.trim().slice(-KEY_TAIL) ?? '';
  if (tail !== '' && strings(answers['approved']).includes(tail)) return { state: 'in', by: 'ANTHROPIC_API_KEY' };
  const other = await withoutKey(env, seen, settings, claudeJson);
  const unanswered = tail !== '' && !strings(answers['rejected']).includes(tail);
  // The question comes whatever other login there is. Only a first run skips it, together with the key.
  const hidden = claudeJson['hasCompletedOnboarding'] !== true && other !== null;
  if (unanswered && !hidden) return { state: 'unapproved-key' };
  return other === null ? { state: 'out' } : { state: 'in', by: other };
}

async function withoutKey(
  env: Env,
  seen: Env,
  settings: readonly Record<string, unknown>[],
  claudeJson: Record<string, unknown>,
): Promise<string | null> {
  if (seen['ANTHROPIC_AUTH_TOKEN']) return 'ANTHROPIC_AUTH_TOKEN';
  if (settings.some((one) => typeof one['apiKeyHelper'] === 'string' && one['apiKeyHelper'] !== ''))
    return 'apiKeyHelper';
  if (seen['CLAUDE_CODE_OAUTH_TOKEN']) return 'CLAUDE_CODE_OAUTH_TOKEN';
  if (typeof claudeJson['primaryApiKey'] === 'string') return 'console key';
  const file = path.join(configDir(env), '.credentials.json');
  const oauth = object((await readJson(file))?.['claudeAiOauth']);
  if (oauth['refreshToken'] || (oauth['accessToken'] && !isPast(oauth['expiresAt']))) return file;
  // On macOS the token is in the keychain, whose reading asks the person; the account's name is in a plain file.
  const inKeychain = process.platform === 'darwin' && Object.keys(object(claudeJson['oauthAccount'])).length > 0;
  return inKeychain && (await isThere('/usr/bin/security')) ? 'keychain' : null;
}

function isPast(time: unknown): boolean {
  return typeof time === 'number' && time < Date.now();
}

function truthy(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
