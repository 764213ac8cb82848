import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { startMessagesApi } from '../../support/messages-api.ts';
import type { MessagesApi, ScriptInput } from '../../support/messages-api.ts';

type Messages = { role: string; content: unknown }[];

function ask(url: string, messages: Messages, more: Record<string, unknown> = {}): Promise<Response> {
  const body = { model: 'm', max_tokens: 10, tools: [{ name: 'Write' }], messages, ...more };
  return fetch(`${url}/v1/messages`, { method: 'POST', body: JSON.stringify(body) });
}

const say = (text: string): Messages => [{ role: 'user', content: text }];

async function replies(api: MessagesApi, messages: Messages): Promise<unknown[]> {
  const message = (await (await ask(api.url, messages)).json()) as { content: unknown[] };
  return message.content;
}

test('the steps of a rule follow the conversation, with its directory and groups filled in', async () => {
  const tools = [{ name: 'Write', input: { file_path: '{{cwd}}/{{1}}.txt', content: ['{{1}}'] } }];
  await using api = await startMessagesApi({
    script: { rules: [{ name: 'r', matches: 'make (\\w+)', steps: [{ tools }, { text: 'made {{1}}' }] }] },
  });
  const prompt: Messages = [{ role: 'system', content: ' - Primary working directory: /w\n - x' }, ...say('make tea')];
  expect(await replies(api, prompt)).toMatchObject([
    { type: 'tool_use', name: 'Write', input: { file_path: '/w/tea.txt', content: ['tea'] } },
  ]);
  const reply = { role: 'assistant', content: [{ type: 'tool_use' }] };
  const result = { role: 'user', content: [{ type: 'tool_result' }, { type: 'text', text: 'make no mistake' }] };
  expect(await replies(api, [...prompt, reply, result])).toEqual([{ type: 'text', text: 'made tea' }]);
  expect(await replies(api, [...prompt, reply, result, reply, ...say('bye')])).toEqual([
    { type: 'text', text: 'Done.' },
  ]);
  expect(api.requests().map(({ rule, step }) => [rule, step])).toEqual([
    ['r', 0],
    ['r', 1],
    [null, 0],
  ]);
});

test('faults come as often as they are told to, then the reply', async () => {
  const script: ScriptInput = {
    rules: [
      {
        name: 'busy',
        contains: 'busy',
        steps: [{ fault: { kind: 'status', status: 529 }, times: 2 }, { text: 'at last' }],
      },
      {
        name: 'limit',
        contains: 'limit',
        steps: [{ fault: { kind: 'status', status: 429, retryAfter: 7 }, times: null }],
      },
      { name: 'drop', contains: 'drop', steps: [{ fault: { kind: 'drop' } }] },
    ],
  };
  await using api = await startMessagesApi({ script });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await ask(api.url, say('busy'))).status);
  expect(statuses).toEqual([529, 529, 200]);
  const limited = await ask(api.url, say('limit'));
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
  await expect(ask(api.url, say('drop'), { stream: true }).then((response) => response.text())).rejects.toThrow();
  expect(api.requests().map(({ fault }) => fault)).toEqual(['status', 'status', null, 'status', 'drop']);
});

test('a held reply waits for its release, and side requests are told apart', async () => {
  await using api = await startMessagesApi({
    script: { rules: [{ name: 'r', contains: 'wait', steps: [{ hold: 'gate', text: 'go' }] }] },
  });
  let answered = false;
  const reply = replies(api, say('wait')).finally(() => (answered = true));
  await expect.poll(() => api.requests().length).toBe(1);
  expect((await ask(api.url, say('wait'), { tools: [] })).status).toBe(200);
  expect(answered).toBe(false);
  await fetch(`${api.url}/control/release/gate`, { method: 'POST' });
  expect(await reply).toEqual([{ type: 'text', text: 'go' }]);
  expect(api.requests().map(({ kind }) => kind)).toEqual(['turn', 'side', 'other']);
});

test('as a process of its own it prints its address, logs each request, and ends with its parent', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'sw-api-'));
  const [script, log] = [path.join(directory, 'script.json'), path.join(directory, 'log.jsonl')];
  await writeFile(script, JSON.stringify({ otherwise: 'hello' }));
  const main = path.resolve(import.meta.dirname, '../../../src/demo/main.ts');
  const child = execa(process.execPath, [main, '--script', script, '--log', log], { stdin: 'pipe' });
  const [url] = (await createInterface({ input: child.stdout })
    [Symbol.asyncIterator]()
    .next()
    .then(({ value }) => [String(value)])) as [string];
  expect((await ask(url, say('hi'))).status).toBe(200);
  expect(JSON.parse(await readFile(log, 'utf8'))).toMatchObject({ n: 1, kind: 'turn', prompt: 'hi' });
  child.stdin.end();
  expect((await child).exitCode).toBe(0);
  await rm(directory, { recursive: true });
});
