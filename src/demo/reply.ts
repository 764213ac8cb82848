import { randomBytes } from 'node:crypto';
import type { Reply } from './script.ts';

type Content =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };

export interface Message {
  id: string;
  type: 'message';
  role: 'assistant';
  model: string;
  content: Content[];
  stop_reason: 'end_turn' | 'tool_use';
  stop_sequence: null;
  usage: {
    input_tokens: number;
    output_tokens: number;
    cache_creation_input_tokens: number;
    cache_read_input_tokens: number;
  };
}

const unique = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;

export function toMessage(reply: Reply, model: string): Message {
  const content: Content[] = [];
  if (reply.text !== undefined && reply.text !== '') content.push({ type: 'text', text: reply.text });
  for (const call of reply.tools)
    content.push({ type: 'tool_use', id: unique('toolu'), name: call.name, input: call.input });
  return {
    id: unique('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: reply.tools.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: reply.inputTokens,
      output_tokens: reply.outputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    },
  };
}

export interface ServerEvent {
  event: string;
  data: Record<string, unknown>;
}

/** The events of a streamed message; text comes in pieces, as from the real API. */
export function* toEvents(message: Message): Generator<ServerEvent> {
  const start = { ...message, content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } };
  yield make('message_start', { message: start });
  for (const [index, block] of message.content.entries()) {
    const empty = block.type === 'text' ? { type: 'text', text: '' } : { ...block, input: {} };
    yield make('content_block_start', { index, content_block: empty });
    const deltas =
      block.type === 'text'
        ? pieces(block.text).map((text) => ({ type: 'text_delta', text }))
        : [{ type: 'input_json_delta', partial_json: JSON.stringify(block.input) }];
    for (const delta of deltas) yield make('content_block_delta', { index, delta });
    yield make('content_block_stop', { index });
  }
  const delta = { stop_reason: message.stop_reason, stop_sequence: null };
  yield make('message_delta', { delta, usage: { output_tokens: message.usage.output_tokens } });
  yield make('message_stop', {});
}

export function encode({ event, data }: ServerEvent): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function make(event: string, data: Record<string, unknown>): ServerEvent {
  return { event, data: { type: event, ...data } };
}

function pieces(text: string): string[] {
  return text.match(/.{1,40}/gsu) ?? [];
}

export function errorBody(status: number, message: string): Record<string, unknown> {
  return { type: 'error', error: { type: ERROR_TYPES[status] ?? 'api_error', message }, request_id: unique('req') };
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};
