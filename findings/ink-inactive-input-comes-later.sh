#!/usr/bin/env bash
# One would guess: a key that is typed while useInput has isActive: false is not captured, so it is gone.
# It is so: Ink leaves raw mode, the terminal keeps the key and spoils the screen with it; the next question hears it.
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
import { createInterface } from 'node:readline';
import { render, Text, useInput } from 'ink';
import React, { useEffect, useState } from 'react';

const told = net.connect('told');
const tell = (what) => told.write(`${JSON.stringify(what)}\n`);
const orders = createInterface(told);

function App() {
  const [asking, setAsking] = useState(true);
  useInput((input) => tell({ question: asking, input }), { isActive: asking });
  useEffect(() => void orders.on('line', (line) => setAsking(line === 'ask')), []);
  useEffect(() => void setImmediate(() => tell({ asking })), [asking]);
  return React.createElement(Text, null, asking ? 'Delete the branch? y/n' : 'working...');
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
import { setTimeout as pause } from 'node:timers/promises';

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
assert.deepEqual(await next(), { asking: true });

/** The screen, once it is as it should be. */
async function shown(good) {
  for (const deadline = Date.now() + 10_000; ; await pause(50)) {
    const screen = tmux('capture-pane', '-p', '-t', 'app').trim();
    if (good(screen)) return screen;
    assert.ok(Date.now() < deadline, `the screen stays as it is: ${screen}`);
  }
}

// The app works: it has no use for keys, and says so with isActive: false.
socket.write('work\n');
assert.deepEqual(await next(), { asking: false });
await shown((screen) => screen === 'working...');
tmux('send-keys', '-t', 'app', 'y');
// Ink never shows a key: the kernel does, since it has the terminal back.
const screen = await shown((text) => text.endsWith('y'));
console.log('typed while isActive is false, the screen: ', JSON.stringify(screen));

socket.write('ask\n');
const after = [await next(), await next()];
console.log('then the app asks its question, and hears: ', after);
server.close();
socket.destroy();

assert.ok(
  after.some((one) => one.input === 'y' && one.question),
  'the early key was dropped',
);
console.log('\nSo: an impatient y answers a question that was not asked yet. Stay active and drop what comes.');
process.exit(0);
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
