#!/usr/bin/env bash
# One would guess: with a cancelSignal that is aborted already nothing is started, as fetch() and timers do.
# It is so: the program is started, then ended: what it does first is done, and a short one runs to its end, exit code 0.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" execa@10.2.1 >/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { execa } from 'execa';

console.log(`execa ${JSON.parse(readFileSync('node_modules/execa/package.json')).version}, node ${process.version}\n`);

const cancelSignal = AbortSignal.abort(new Error('not wanted any more'));
const shown = ({ isCanceled, exitCode = null, signal = null }) => ({ isCanceled, exitCode, signal });

await assert.rejects(fetch('http://127.0.0.1:1/', { signal: cancelSignal }), /not wanted/);
console.log('fetch() with the same signal: rejected at once, nothing was sent');

// The kernel starts it before the signal is looked at; whether it is ended in time is a race, so it has several tries.
let done = 0;
let whole = 0;
let tries = 0;
while (tries < 20 || (done === 0 && tries < 200)) {
  tries += 1;
  rmSync('trace', { force: true });
  const result = await execa('touch', ['trace'], { cancelSignal, reject: false });
  assert.equal(result.isCanceled, true);
  if (existsSync('trace')) done += 1;
  if (existsSync('trace') && result.exitCode === 0) whole += 1;
  if (tries === 1) console.log('touch trace:', shown(result));
}
console.log(
  `touch trace, ${tries} times: the file was made ${done} times, ${whole} times with exit code 0 beside isCanceled`,
);

const { signal } = await execa('sleep', ['60'], { cancelSignal, reject: false });
console.log('sleep 60 was started too, and ended by', signal);
assert.equal(signal, 'SIGTERM', 'nothing was started');
assert.ok(done > 0, 'no try left its trace');
console.log('\nSo: look at the signal yourself (throwIfAborted) before you start what changes something.');
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
