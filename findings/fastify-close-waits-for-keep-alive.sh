#!/usr/bin/env bash
# One would guess: close() of fastify is over when the last request under way is answered, as idle connections are closed.
# It is so: the connection of that request is kept alive first: close() takes keepAliveTimeout longer, by default 73 s.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" fastify@5.12.8 >/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setImmediate as immediate } from 'node:timers/promises';
import fastify from 'fastify';

const { version } = JSON.parse(readFileSync('node_modules/fastify/package.json'));
console.log(
  `fastify ${version}, node ${process.version}; keepAliveTimeout by default: ${fastify().server.keepAliveTimeout} ms\n`,
);

/** A server that is closed while one request is under way, by a client that keeps its connections, as most do. */
async function close(options) {
  const app = fastify(options);
  const under = Promise.withResolvers();
  const answer = Promise.withResolvers();
  app.get('/', async () => {
    under.resolve();
    await answer.promise;
    return 'done';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const agent = new http.Agent({ keepAlive: true });
  const request = http.get({ agent, host: '127.0.0.1', port: app.server.address().port, path: '/' });
  await under.promise;

  const closed = app.close();
  // It has closed what was idle, and accepts nothing any more.
  while (app.server.listening) await immediate();
  answer.resolve();
  const [response] = await once(request, 'response');
  assert.equal((await response.setEncoding('utf8').toArray()).join(''), 'done');
  const answered = performance.now();
  await closed;
  agent.destroy();
  return Math.round(performance.now() - answered);
}

const seen = new Map();
for (const seconds of [3, 6]) seen.set(seconds, await close({ keepAliveTimeout: seconds * 1_000 }));
for (const [seconds, late] of seen)
  console.log(`keepAliveTimeout ${seconds} s: close() is over ${late} ms after the last answer`);
assert.ok(seen.get(3) >= 2_500);
assert.ok(seen.get(6) - seen.get(3) >= 2_000, 'it does not go by keepAliveTimeout');
console.log(
  '\nSo: a supervisor that waits for close() seems to hang. Close what is idle again after each answer once it ends.',
);
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
