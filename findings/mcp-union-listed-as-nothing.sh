#!/usr/bin/env bash
# One would guess: inputSchema takes any zod schema, so a union is listed as one, or refused when it is registered.
# It is so: a union, an intersection or a transformed object is listed as a tool without arguments, while calls are still held to it.
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
const shapes = {
  object: z.object({ branch: z.string() }),
  'discriminated union': z.discriminatedUnion('what', [
    z.object({ what: z.literal('merge'), branch: z.string() }),
    z.object({ what: z.literal('stop'), agent: z.string() }),
  ]),
  intersection: z.object({ branch: z.string() }).and(z.object({ agent: z.string() })),
  'object with a transform': z.object({ branch: z.string() }).transform(({ branch }) => ({ branch: branch.trim() })),
  'object with a refinement': z.object({ branch: z.string() }).refine(({ branch }) => branch !== 'main'),
};

const seen = {};
for (const [name, inputSchema] of Object.entries(shapes)) {
  const client = await connected((server) => server.registerTool('act', { inputSchema }, () => text('done')));
  const [tool] = (await client.listTools()).tools;
  const { isError = false } = await client.callTool({ name: 'act', arguments: {} });
  seen[name] = {
    listed: Object.keys(tool.inputSchema.properties ?? {}),
    'a call without arguments is refused': isError,
  };
  console.log(name.padEnd(26), seen[name]);
}

assert.deepEqual(seen.object.listed, ['branch']);
assert.deepEqual(seen['object with a refinement'].listed, ['branch']);
for (const name of ['discriminated union', 'intersection', 'object with a transform'])
  assert.deepEqual(seen[name], { listed: [], 'a call without arguments is refused': true });
const union = z.toJSONSchema(shapes['discriminated union']);
assert.equal(union.oneOf.length, 2);
console.log(
  '\nJSON Schema could say it (z.toJSONSchema gives oneOf with two members), and so could the protocol beside type: object.',
);
console.log('So: a model is told that the tool takes nothing, calls it so, and is refused every time.');
process.exit(0);
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
