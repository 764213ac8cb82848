#!/usr/bin/env bash
# One would guess: a tool whose input JSON Schema cannot say (z.date()) is refused when it is registered, or listed without it.
# It is so: registering is fine and calls work, but tools/list fails as a whole: a client sees no tool at all, not even the others.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" \
  @modelcontextprotocol/sdk@1.32.2 zod@4.6.7 >/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import * as z from 'zod';

const versionOf = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
const versions = ['@modelcontextprotocol/sdk', 'zod'].map((name) => `${name} ${versionOf(name)}`);
console.log(`${versions.join(', ')}, node ${process.version}\n`);

/** A client that is connected to a server with these tools. */
async function connected(register) {
  const server = new McpServer({ name: 'server', version: '1' });
  register(server);
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'client', version: '1' });
  await server.connect(ours);
  await client.connect(theirs);
  return client;
}

const text = (words) => ({ content: [{ type: 'text', text: words }] });
const register = (server) => {
  server.registerTool('ping', { inputSchema: { word: z.string() } }, ({ word }) => text(`pong ${word}`));
  server.registerTool('remind', { inputSchema: { at: z.date().optional() } }, () => text('noted'));
};

const client = await connected(register);
console.log('registerTool ping and remind (an optional z.date()): no error');

const ping = await client.callTool({ name: 'ping', arguments: { word: 'a' } });
console.log('call ping:  ', ping.content[0].text);
const remind = await client.callTool({ name: 'remind', arguments: {} });
console.log('call remind:', remind.content[0].text);
assert.deepEqual([ping.content[0].text, remind.content[0].text], ['pong a', 'noted']);

const listed = await client.listTools().then(
  ({ tools }) => tools.map(({ name }) => name).join(', '),
  (error) => `rejected: ${error.message}`,
);
console.log('list tools: ', listed);
assert.match(listed, /^rejected: .*Date cannot be represented/);

const without = await connected((server) =>
  server.registerTool('ping', { inputSchema: { word: z.string() } }, () => text('')),
);
console.log('the list without remind:', (await without.listTools()).tools.map(({ name }) => name).join(', '));
console.log('\nSo: tests that call tools pass, and an agent, which lists first, has none. Test the list.');
process.exit(0);
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
