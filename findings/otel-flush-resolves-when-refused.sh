#!/usr/bin/env bash
# One would guess: await forceFlush() of OpenTelemetry's logs rejects if the collector would not take what was flushed.
# It is so: it resolves, and so does shutdown(). The records are gone, and by default not a word of it is printed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" \
  @opentelemetry/api@1.10.0 @opentelemetry/sdk-logs@3.1.0 @opentelemetry/exporter-logs-otlp-http@0.301.0 >/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';

const versionOf = (name) => JSON.parse(readFileSync(`node_modules/@opentelemetry/${name}/package.json`)).version;
const names = ['sdk-logs', 'exporter-logs-otlp-http'];
console.log(`${names.map((name) => `${name} ${versionOf(name)}`).join(', ')}, node ${process.version}\n`);

/** A collector on loopback that answers with this code, and counts what it was sent. */
let status = 200;
let requests = 0;
const collector = http.createServer(async (request, response) => {
  requests += 1;
  for await (const _ of request);
  response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
});
collector.listen(0, '127.0.0.1');
await once(collector, 'listening');
const url = `http://127.0.0.1:${collector.address().port}/v1/logs`;

/** What the program itself prints meanwhile, by whichever way. */
let printed = '';
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    printed += chunk;
    return write(chunk, ...rest);
  };
}

async function send(answer) {
  status = answer;
  requests = 0;
  printed = '';
  const exporter = new OTLPLogExporter({ url });
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
  provider.getLogger('probe').emit({ body: 'cost of a task', attributes: { usd: 0.5 } });
  const said = (work) =>
    work.then(
      () => 'resolved',
      () => 'rejected',
    );
  const forceFlush = await said(provider.forceFlush());
  // What was refused is not kept for later either.
  status = 200;
  const again = requests;
  const second = await said(provider.forceFlush());
  const seen = { forceFlush, requests: again, 'next forceFlush': second, 'sent again': requests - again };
  const end = await said(provider.shutdown());
  assert.equal(printed, '', 'something was printed');
  return { ...seen, shutdown: end };
}

const seen = new Map();
for (const answer of [200, 400, 404, 500]) seen.set(answer, await send(answer));
for (const [answer, what] of seen) console.log(`the collector answers ${answer}:`, JSON.stringify(what));
for (const answer of [400, 404, 500])
  assert.deepEqual(seen.get(answer), {
    forceFlush: 'resolved',
    requests: 1,
    'next forceFlush': 'resolved',
    'sent again': 0,
    shutdown: 'resolved',
  });

console.log(
  '\nSo: only a diag logger (diag.setLogger) or an exporter of your own around theirs learns that records were lost.',
);
collector.close();
collector.closeAllConnections();
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
