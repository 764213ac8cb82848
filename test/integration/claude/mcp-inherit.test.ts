import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { turnsOf } from '../../support/messages-api.ts';
import { openPane, type Pane } from './pane.ts';

/** The smallest MCP server there is: one tool, and a line in a file when it is started. */
const SERVER = `
const { appendFileSync } = require('node:fs');
const [name, log] = process.argv.slice(2);
appendFileSync(log, name + '\\n');
let text = '';
process.stdin.on('data', (part) => {
  text += part;
  for (let end = text.indexOf('\\n'); end >= 0; end = text.indexOf('\\n')) {
    const { id, method, params } = JSON.parse(text.slice(0, end));
    text = text.slice(end + 1);
    if (id === undefined) continue;
    const result = {
      initialize: { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version: '1' } },
      'tools/list': { tools: [{ name: 'look', description: 'Looks.', inputSchema: { type: 'object' } }] },
    }[method] ?? {};
    process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
  }
});
`;

interface Servers {
  server(name: string): { command: string; args: string[]; alwaysLoad: boolean };
  started(): Promise<string[]>;
}

async function place(pane: Pane): Promise<Servers> {
  const file = path.join(pane.environment.directory, 'server.cjs');
  const log = path.join(pane.environment.directory, 'started');
  await writeFile(file, SERVER);
  await writeFile(log, '');
  return {
    server: (name) => ({ command: process.execPath, args: [file, name, log], alwaysLoad: true }),
    started: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean).sort(),
  };
}

/**
 * Makes the person's setting: a server of their own, one for this project, and a worktree whose .mcp.json an agent
 * wrote.
 */
async function persons(pane: Pane, { server }: Servers): Promise<void> {
  const claudeJson = {
    hasCompletedOnboarding: true,
    mcpServers: { mine: server('mine'), off: server('off') },
    projects: { [pane.repository]: { mcpServers: { here: server('here') }, disabledMcpServers: ['off'] } },
  };
  await writeFile(path.join(pane.environment.home, '.claude.json'), JSON.stringify(claudeJson));
  await mkdir(pane.repository, { recursive: true });
  await writeFile(
    path.join(pane.repository, '.mcp.json'),
    JSON.stringify({ mcpServers: { sneaked: server('sneaked') } }),
  );
}

const toolsOf = (pane: Pane): string[] =>
  turnsOf(pane.api).flatMap(({ body }) =>
    (body as { tools: { name: string }[] }).tools.map(({ name }) => name).filter((name) => name.startsWith('mcp__')),
  );

const script = { rules: [{ name: 'talk', contains: 'HELLO', steps: [{ text: 'Hello.' }] }] };

test('an agent has no MCP server of the person, nor one of the project, unless it is said so', async () => {
  await using pane = await openPane(script);
  const servers = await place(pane);
  await persons(pane, servers);
  await pane.start({ prompt: 'HELLO' });
  await expect.poll(() => pane.turn().state).toBe('idle');
  expect(await servers.started()).toEqual([]);
  expect(toolsOf(pane).filter((name) => !name.startsWith('mcp__swarm__'))).toEqual([]);
});

test('with inherit it has those of the person and the approved ones, no dialog, and none that an agent wrote', async () => {
  await using pane = await openPane(script);
  const servers = await place(pane);
  await persons(pane, servers);
  const inheritMcp = { project: servers.server('project') };
  await pane.start({ prompt: 'HELLO', inheritMcp });
  await expect.poll(() => pane.turn().state).toBe('idle');
  await expect.poll(() => servers.started()).toEqual(['here', 'mine', 'project']);
  expect(await pane.screen()).not.toContain('New MCP server');
  // Claude Code does not wait for a server that is slow to start: its tools come with a later request.
  const offered = ['mcp__here__look', 'mcp__mine__look', 'mcp__project__look'];
  expect(offered).toEqual(expect.arrayContaining(toolsOf(pane).filter((name) => name.endsWith('__look'))));
});
