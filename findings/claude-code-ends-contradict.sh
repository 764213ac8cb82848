#!/usr/bin/env bash
# One would guess: exit code and result of claude -p --output-format stream-json agree on whether the work was done.
# It is so: a refused request exits 1 with subtype "success", a turn that SIGINT broke off exits 0 with an error's subtype.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error @anthropic-ai/claude-code@2.1.330 >/dev/null
mkdir home work
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';

/** A Messages API on loopback. `refuse`: every request is invalid. `silent`: an answer begins and never goes on. */
let manner = 'refuse';
const api = http.createServer(async (request, response) => {
  for await (const _ of request);
  if (!request.url.startsWith('/v1/messages?') && request.url !== '/v1/messages') return response.writeHead(404).end();
  if (manner === 'refuse') {
    const error = { type: 'invalid_request_error', message: 'refused by the script' };
    return response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ type: 'error', error }));
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('event: ping\ndata: {"type": "ping"}\n\n');
  api.emit('turn');
});
api.listen(0, '127.0.0.1');
await once(api, 'listening');

/** Nothing of the person's: a home of its own, a token that means nothing, no other traffic. */
const env = {
  HOME: path.resolve('home'),
  PATH: '/usr/bin:/bin',
  ANTHROPIC_BASE_URL: `http://127.0.0.1:${api.address().port}`,
  ANTHROPIC_AUTH_TOKEN: 'none',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
  IS_DEMO: '1',
};
const program = path.resolve('node_modules/.bin/claude');

function start(...args) {
  const child = spawn(program, args, { cwd: 'work', env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.resume();
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, text }));
  return { child, ended };
}

const headless = [
  '-p',
  '--output-format',
  'stream-json',
  '--verbose',
  '--permission-mode',
  'dontAsk',
  '--strict-mcp-config',
];

/** What a caller can go by. */
function summary({ code, text }) {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const { subtype, is_error, terminal_reason } = lines.find(({ type }) => type === 'result');
  return { 'exit code': code, subtype, is_error, terminal_reason };
}

const { text: version } = await start('--version').ended;
console.log(`Claude Code ${version.trim()}\n`);

const refused = summary(await start(...headless, '--', 'rename the function').ended);
console.log('the API refuses the request (400):', refused);

manner = 'silent';
const { child, ended } = start(...headless, '--', 'rename the function');
await once(api, 'turn');
child.kill('SIGINT');
const stopped = summary(await ended);
console.log('SIGINT while the answer comes:    ', stopped);
api.close();
api.closeAllConnections();

assert.deepEqual([refused['exit code'], refused.subtype, refused.is_error], [1, 'success', true]);
assert.deepEqual([stopped['exit code'], stopped.subtype, stopped.is_error], [0, 'error_during_execution', true]);
console.log(
  '\nSo: neither the exit code nor the subtype alone; is_error false and terminal_reason "completed" say that it worked.',
);
EOF
timeout 45 node probe.js
