import { createHash } from 'node:crypto';
import * as z from 'zod';
import { clip } from '../lib/text.ts';
import type { ClaudeEvent } from './events.ts';
import { object } from './home.ts';

/**
 * Hooks that go to the endpoint by HTTP. SessionStart is not among them: Claude Code never sends it by HTTP. A name
 * that the installed version does not know opens a dialog that blocks the start, so only long-known ones belong here.
 */
export const HTTP_HOOKS = [
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'Notification',
  'Stop',
  'StopFailure',
  'SubagentStop',
  'TeammateIdle',
  'PreCompact',
  'SessionEnd',
] as const;
export type HttpHook = (typeof HTTP_HOOKS)[number];

export function isHttpHook(name: string): name is HttpHook {
  return (HTTP_HOOKS as readonly string[]).includes(name);
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null);

/** Only the fields in use, and lenient where Claude Code may change: an event that cannot be parsed is lost. */
export const hookBodySchema = z.looseObject({
  session_id: z.string().min(1),
  transcript_path: text,
  hook_event_name: z.string(),
  prompt_id: text,
  prompt: z.string().optional(),
  tool_name: z.string().optional(),
  tool_input: z.unknown().optional(),
  tool_use_id: text,
  tool_response: z.unknown().optional(),
  message: z.string().optional(),
  notification_type: z.string().optional(),
  last_assistant_message: text,
  background_tasks: z.array(z.unknown()).nullish(),
  teammate_name: z.string().optional(),
  session_crons: z.array(z.unknown()).nullish(),
  error: z.unknown().optional(),
  error_details: z.unknown().optional(),
  reason: z.string().optional(),
  source: z.string().optional(),
});
export type HookBody = z.infer<typeof hookBodySchema>;

/** The event of a hook. Pure. PermissionRequest is handled elsewhere (see permissions.ts). */
export function toEvent(body: HookBody, at: string): ClaudeEvent {
  const base = { sessionId: body.session_id, at };
  const tool = body.tool_name ?? '';
  const toolUseId = body.tool_use_id;
  switch (body.hook_event_name) {
    case 'SessionStart':
      return { ...base, type: 'session-start', source: body.source ?? 'startup', transcriptPath: body.transcript_path };
    case 'UserPromptSubmit':
      return { ...base, type: 'prompt-submitted', promptId: body.prompt_id, prompt: body.prompt ?? '' };
    case 'PreToolUse':
      return { ...base, type: 'tool-start', tool, input: body.tool_input, toolUseId };
    case 'PostToolUse':
      return { ...base, type: 'tool-end', tool, toolUseId, ok: true, result: digest(body.tool_response) };
    case 'PostToolUseFailure':
      return { ...base, type: 'tool-end', tool, toolUseId, ok: false, result: digest(body.error) };
    case 'Notification':
      return { ...base, type: 'notification', kind: body.notification_type ?? 'unknown', message: body.message ?? '' };
    case 'Stop': {
      const tasks = body.background_tasks ?? [];
      const teammates = tasks.filter((task) => object(task)['type'] === 'teammate').length;
      const backgroundTasks = tasks.length - teammates + (body.session_crons ?? []).length;
      return { ...base, type: 'turn-ended', lastMessage: body.last_assistant_message, backgroundTasks, teammates };
    }
    case 'TeammateIdle':
      return { ...base, type: 'teammate-idle', name: body.teammate_name ?? '' };
    case 'StopFailure':
      return {
        ...base,
        type: 'turn-failed',
        error: asText(body.error) ?? 'unknown',
        // Seen: `error_details` stays empty and the API's text is the turn's last message.
        details: asText(body.error_details) ?? body.last_assistant_message,
      };
    case 'SessionEnd':
      return { ...base, type: 'session-end', reason: body.reason ?? 'other' };
    default:
      return { ...base, type: 'other', name: body.hook_event_name };
  }
}

/** A short text, equal for equal values: a tool's result may have megabytes. */
export function digest(value: unknown): string {
  return createHash('sha1')
    .update(JSON.stringify(value ?? null))
    .digest('base64url');
}

function asText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const LONGEST_QUESTION = 300;

/** The agent's request in one line for a person. */
export function permissionText(tool: string, input: unknown): string {
  const fields = (input ?? {}) as Record<string, unknown>;
  const subject = ['command', 'file_path', 'notebook_path', 'url', 'query', 'pattern', 'description', 'prompt']
    .map((key) => fields[key])
    .find((value): value is string => typeof value === 'string' && value !== '');
  const said = subject === undefined ? JSON.stringify(input ?? {}) : subject;
  return clip(`${tool}: ${said}`.replaceAll(/\s+/g, ' '), LONGEST_QUESTION);
}
