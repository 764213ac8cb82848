#!/usr/bin/env bash
# One would guess: a result that the server found good against outputSchema is good for the client of the same SDK.
# It is so: the server strips what it does not know before it looks, then sends it; a client refuses it, but only after listTools().
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

let runs = 0;
const register = (server) => {
  server.registerTool('merge', { outputSchema: { commit: z.string() } }, () => {
    runs += 1;
    return { content: [], structuredContent: { commit: 'abc123', branch: 'main' } };
  });
};
const call = async (client) => {
  const before = runs;
  const said = await client.callTool({ name: 'merge', arguments: {} }).then(
    ({ isError, structuredContent }) => (isError === true ? 'a result with isError' : structuredContent),
    (error) => `rejected: ${error.message}`,
  );
  return { said, 'times it ran': runs - before };
};

console.log('The tool answers { commit, branch }; its outputSchema is { commit: z.string() }.\n');
const client = await connected(register);
const first = await call(client);
console.log('callTool:                 ', first);
await client.listTools();
const second = await call(client);
console.log('listTools, then callTool: ', second);

assert.deepEqual(first.said, { commit: 'abc123', branch: 'main' });
assert.match(String(second.said), /^rejected: .*additional properties/);
assert.equal(second['times it ran'], 1);
console.log(
  '\nSo: the merge was made, and its caller is told of an error. Send what the schema gives back, not what you had.',
);
process.exit(0);
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
