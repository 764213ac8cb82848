#!/usr/bin/env bash
# One would guess: tmux send-keys 'yes' Enter types three letters and Enter, and useInput of Ink sees key.return.
# It is so: both arrive in one read, and Ink tells one input "yes\r" with key.return false: the answer is never submitted.
set -euo pipefail
place=$(mktemp -d)
command -v tmux >/dev/null || { rm -rf "$place"; echo 'cannot run: tmux is not installed'; exit 77; }
trap 'env -u TMUX tmux -S "$place/socket" kill-server 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" \
  ink@8.0.0 react@19.3.1 >/dev/null
cat >app.js <<'EOF'
import net from 'node:net';
import { render, Text, useInput } from 'ink';
import React, { useEffect } from 'react';

const told = net.connect('told');
const tell = (what) => told.write(`${JSON.stringify(what)}\n`);

function App() {
  useInput((input, key) => tell({ input, return: key.return }));
  useEffect(() => void tell('ready'), []);
  return React.createElement(Text, null, 'Merge? Type yes and press Enter');
}
render(React.createElement(App));
EOF
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { on, once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';

delete process.env.TMUX;
const tmux = (...args) =>
  execFileSync('tmux', ['-S', 'socket', '-f', '/dev/null', ...args])
    .toString()
    .trim();
const { version } = JSON.parse(readFileSync('node_modules/ink/package.json'));
console.log(`ink ${version}, ${tmux('-V')}, node ${process.version}\n`);

const server = net.createServer().listen('told');
await once(server, 'listening');
tmux('new-session', '-d', '-s', 'app', '-x', '60', '-y', '10', process.execPath, 'app.js');
const [socket] = await once(server, 'connection');
const lines = on(createInterface(socket), 'line');
const next = async () => JSON.parse((await lines.next()).value[0]);
assert.equal(await next(), 'ready');

/** What the app hears of keys that end with Enter. */
async function heard(...keys) {
  tmux('send-keys', '-t', 'app', ...keys);
  const inputs = [await next()];
  while (!inputs.at(-1).input.endsWith('\r')) inputs.push(await next());
  return inputs;
}

const together = await heard('yes', 'Enter');
console.log("send-keys 'yes' Enter:                    ", together);
tmux('send-keys', '-t', 'app', 'yes');
const first = await next();
tmux('send-keys', '-t', 'app', 'Enter');
const apart = [first, await next()];
console.log("send-keys 'yes', heard, send-keys Enter:  ", apart);
server.close();
socket.destroy();

assert.ok(!together.some((one) => one.return), 'Enter was told as Enter');
assert.deepEqual(apart, [
  { input: 'yes', return: false },
  { input: '\r', return: true },
]);
console.log(
  '\nSo: the same happens to a fast typist on a slow machine. Read "\\r" in the input, or send Enter once the text is seen.',
);
process.exit(0);
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
