import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { execa } from 'execa';
import { expect, test as base } from 'vitest';
import { dropCommand } from '../../../src/claude/drops.ts';
import { openEndpoint } from '../../../src/claude/index.ts';
import type { ClaudeEvent, Endpoint, ToolHandlers } from '../../../src/claude/index.ts';

interface Open {
  endpoint: Endpoint;
  hookDir: string;
  events: ClaudeEvent[];
  logs: string[];
  post(route: string, body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
}

const TOKEN = 'a secret';
const tools: ToolHandlers = {
  task_context: async () => 'the task',
  report_progress: async ({ text, percent }) => `${text} ${percent}`,
  complete_task: async ({ summary }) => summary,
  fail_task: async () => {
    throw new Error('there is no task');
  },
  ask_person: async ({ question, options }) => `${question} ${options?.join('/')}`,
};

const test = base.extend<{ open: Open }>({
  open: async ({}, use) => {
    const hookDir = path.join(await mkdtemp(path.join(tmpdir(), 'sw-endpoint-')), "it's hooks");
    const events: ClaudeEvent[] = [];
    const logs: string[] = [];
    const endpoint = await openEndpoint({
      token: TOKEN,
      hookDir,
      onEvent: (event) => void events.push(event),
      tools,
      log: (message, facts) => void logs.push(`${message} ${JSON.stringify(facts)}`),
    });
    const post: Open['post'] = (route, body, headers = {}, signal) =>
      fetch(`${endpoint.url}${route}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
        body: JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      });
    await use({ endpoint, hookDir, events, logs, post });
    await endpoint.close();
    await rm(path.dirname(hookDir), { recursive: true });
  },
});

const ask = {
  session_id: 's',
  hook_event_name: 'PermissionRequest',
  tool_name: 'Bash',
  tool_input: { command: 'rm x' },
};

test('nothing is served without the token, and nothing but what an agent needs', async ({ open }) => {
  expect((await open.post('/hook/Stop', {}, { authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await open.post('/hook/SessionStart', {})).status).toBe(404);
  expect((await open.post('/', {})).status).toBe(404);
  expect((await fetch(`${open.endpoint.url}/mcp`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(405);
  expect((await fetch(open.endpoint.url)).status).toBe(401);
  expect(open.events).toEqual([]);
});

test("the protocol's own client can list and call the tools", async ({ open }) => {
  const client = new Client({ name: 'test', version: '1' });
  const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${open.endpoint.url}/mcp`), { requestInit }) as never,
  );
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toEqual(['task_context', 'report_progress', 'complete_task', 'fail_task', 'ask_person']);
  const call = async (name: string, input: Record<string, unknown>) => {
    const { content, isError } = await client.callTool({ name, arguments: input });
    return { text: (content as { text: string }[])[0]?.text, isError };
  };
  expect(await call('report_progress', { text: 'half', percent: 50 })).toEqual({ text: 'half 50', isError: undefined });
  expect(await call('fail_task', { reason: 'x' })).toEqual({ text: 'there is no task', isError: true });
  expect(await call('report_progress', { text: 'half', percent: 150 })).toMatchObject({
    isError: true,
    text: expect.stringMatching(/percent/),
  });
  await expect(call('unknown', {})).rejects.toThrow(/unknown tool/);
  await client.ping();
  await client.close();
});

test('a permission request is held until it is decided', async ({ open }) => {
  const reply = open.post('/hook/PermissionRequest', ask);
  await expect.poll(() => open.endpoint.pendingPermissions().length).toBe(1);
  const requestId = open.endpoint.pendingPermissions()[0]?.requestId ?? '';
  expect(open.endpoint.decidePermission('another', { behavior: 'allow' })).toBe(false);
  expect(open.endpoint.decidePermission(requestId, { behavior: 'deny', message: 'no' })).toBe(true);
  expect(await (await reply).json()).toEqual({
    hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: { behavior: 'deny', message: 'no' } },
  });
  expect(open.events.map(({ type }) => type)).toEqual(['permission-requested', 'permission-settled']);
  expect(open.endpoint.pendingPermissions()).toEqual([]);
});

test('a permission request whose connection is closed is gone', async ({ open }) => {
  const aborted = new AbortController();
  const reply = open.post('/hook/PermissionRequest', ask, {}, aborted.signal).then((response) => response.text());
  await expect.poll(() => open.endpoint.pendingPermissions().length).toBe(1);
  aborted.abort();
  await expect(reply).rejects.toThrow();
  await expect.poll(() => open.events.at(-1)).toMatchObject({ type: 'permission-settled', how: 'gone' });
});

test('closing lets held requests go undecided', async ({ open }) => {
  const reply = open.post('/hook/PermissionRequest', ask);
  await expect.poll(() => open.endpoint.pendingPermissions().length).toBe(1);
  await open.endpoint.close();
  expect(await (await reply).json()).toEqual({});
  expect(open.events.map(({ type }) => type)).toEqual(['permission-requested']);
});

test('what a process dropped before it died is told before the next one is started', async ({ open }) => {
  const start = (session: string) => ({ session_id: session, hook_event_name: 'SessionStart', source: 'startup' });
  for (let i = 1; i <= 9; i += 1) {
    await writeFile(path.join(open.hookDir, '.x'), JSON.stringify(start(`s${i}`)));
    await rename(path.join(open.hookDir, '.x'), path.join(open.hookDir, `session-start.${i}`));
    await open.endpoint.drained();
    expect(open.events.at(-1)).toMatchObject({ type: 'session-start', sessionId: `s${i}` });
  }
  expect(open.events).toHaveLength(9);
});

test('what the commands drop arrives once, and a half-written file never', async ({ open }) => {
  await writeFile(path.join(open.hookDir, '.part.1'), '{"session');
  const start = { session_id: 's', hook_event_name: 'SessionStart', source: 'startup', transcript_path: '/t' };
  await execa('/bin/sh', ['-c', dropCommand(open.hookDir, 'session-start')], { input: JSON.stringify(start) });
  await expect
    .poll(() => open.events)
    .toMatchObject([{ type: 'session-start', sessionId: 's', source: 'startup', transcriptPath: '/t' }]);
  const line = { session_id: 's', cost: { total_cost_usd: 0.5 }, context_window: { used_percentage: 12 } };
  await execa('/bin/sh', ['-c', dropCommand(open.hookDir, 'status-line')], { input: JSON.stringify(line) });
  await expect.poll(() => open.events.at(-1)).toMatchObject({ type: 'status-line', costUsd: 0.5, contextPercent: 12 });
  await writeFile(path.join(open.hookDir, '.x'), 'not json');
  await rename(path.join(open.hookDir, '.x'), path.join(open.hookDir, 'session-start.9'));
  await expect.poll(() => open.logs).toMatchObject([expect.stringMatching(/cannot be read/)]);
  expect(open.events).toHaveLength(2);
  expect(await readdir(open.hookDir)).toEqual(['.part.1']);
});
