import * as z from 'zod';
import { errorText } from '../domain/errors.ts';
import { MCP_SERVER, TOOL_NAMES, toolDescriptions, toolSchemas } from './tools.ts';
import type { ToolHandlers, ToolName } from './tools.ts';

/**
 * The server side of the Model Context Protocol, as far as five tools need it: stateless JSON-RPC, one reply per POST.
 * By hand, because the SDK's server adds about 25 MB to each agent's wrapper; the SDK's *client* checks it in a test.
 */
const PROTOCOLS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

const requestSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
});
type Request = z.infer<typeof requestSchema>;

interface Reply {
  jsonrpc: '2.0';
  id: string | number | null;
  result?: unknown;
  error?: { code: number; message: string };
}

interface ToolResult {
  content: { type: 'text'; text: string }[];
  isError?: true;
}

const TOOLS = TOOL_NAMES.map((name) => ({
  name,
  description: toolDescriptions[name],
  inputSchema: z.toJSONSchema(toolSchemas[name], { target: 'draft-7' }),
}));

/**
 * Answers a request. Null where the protocol wants no answer: for notifications, and for answers to questions that
 * swarm never asks.
 */
export async function handleMcp(body: unknown, handlers: ToolHandlers): Promise<Reply | Reply[] | null> {
  if (!Array.isArray(body)) return handleOne(body, handlers);
  const replies = await Promise.all(body.map((one) => handleOne(one, handlers)));
  const wanted = replies.filter((reply) => reply !== null);
  return wanted.length === 0 ? null : wanted;
}

async function handleOne(body: unknown, handlers: ToolHandlers): Promise<Reply | null> {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) {
    const isAnswer = typeof body === 'object' && body !== null && ('result' in body || 'error' in body);
    return isAnswer ? null : failure(null, -32600, 'not a JSON-RPC request');
  }
  const { id } = parsed.data;
  if (id === undefined) return null;
  try {
    const result = await dispatch(parsed.data, handlers);
    return result === undefined
      ? failure(id, -32601, `unknown method ${parsed.data.method}`)
      : { jsonrpc: '2.0', id, result };
  } catch (error) {
    return failure(id, -32602, errorText(error));
  }
}

async function dispatch(request: Request, handlers: ToolHandlers): Promise<unknown> {
  switch (request.method) {
    case 'initialize':
      return {
        protocolVersion: PROTOCOLS.find((version) => version === request.params?.['protocolVersion']) ?? PROTOCOLS[0],
        capabilities: { tools: {} },
        serverInfo: { name: MCP_SERVER, version: '1.0.0' },
      };
    case 'ping':
      return {};
    case 'tools/list':
      return { tools: TOOLS };
    case 'tools/call':
      return callTool(String(request.params?.['name']), request.params?.['arguments'] ?? {}, handlers);
    default:
      return undefined;
  }
}

/**
 * Calls a tool. Wrong arguments and a handler's throw are results, not protocol errors: the model reads them and can do
 * better.
 */
async function callTool(name: string, input: unknown, handlers: ToolHandlers): Promise<ToolResult> {
  if (!isTool(name)) throw new Error(`unknown tool ${name}`);
  try {
    return { content: [{ type: 'text', text: await run(name, input, handlers) }] };
  } catch (error) {
    const text = error instanceof z.ZodError ? `Invalid arguments: ${z.prettifyError(error)}` : errorText(error);
    return { content: [{ type: 'text', text }], isError: true };
  }
}

function run(name: ToolName, input: unknown, handlers: ToolHandlers): Promise<string> {
  switch (name) {
    case 'task_context':
      return handlers.task_context(toolSchemas.task_context.parse(input));
    case 'report_progress':
      return handlers.report_progress(toolSchemas.report_progress.parse(input));
    case 'complete_task':
      return handlers.complete_task(toolSchemas.complete_task.parse(input));
    case 'fail_task':
      return handlers.fail_task(toolSchemas.fail_task.parse(input));
    case 'ask_person':
      return handlers.ask_person(toolSchemas.ask_person.parse(input));
  }
}

function isTool(name: string): name is ToolName {
  return Object.hasOwn(toolSchemas, name);
}

function failure(id: string | number | null, code: number, message: string): Reply {
  return { jsonrpc: '2.0', id, error: { code, message } };
}
