#!/usr/bin/env bash
# One would guess: <Static> prints each item once, by its key; keeping only the last N in the list saves memory.
# It is so: it goes by the length of the list: once the list no longer grows, nothing new is ever printed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" \
  ink@8.0.0 react@19.3.1 >/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { render, Static, Text } from 'ink';
import React, { useState } from 'react';

const { version } = JSON.parse(readFileSync('node_modules/ink/package.json'));
console.log(`ink ${version}, react ${React.version}, node ${process.version}\n`);

/** A terminal that keeps what is written. */
function terminal() {
  const screen = new Writable({
    write(chunk, _, done) {
      screen.text += chunk;
      done();
    },
  });
  return Object.assign(screen, { text: '', columns: 60, rows: 20, isTTY: true });
}

/** Six lines of a log, one after the other, of which the list keeps the newest `most`. Which came to the terminal? */
async function printed(most) {
  const stdout = terminal();
  let add;
  function App() {
    const [lines, setLines] = useState([]);
    add = (line) => setLines((before) => [...before, line].slice(-most));
    return React.createElement(
      React.Fragment,
      null,
      React.createElement(Static, { items: lines }, (line) => React.createElement(Text, { key: line }, line)),
      React.createElement(Text, null, `newest: ${lines.at(-1) ?? 'none'}`),
    );
  }
  const app = render(React.createElement(App), { stdout, patchConsole: false, interactive: true });
  await app.waitUntilRenderFlush();
  for (let n = 1; n <= 6; n += 1) {
    add(`line-${n}`);
    await app.waitUntilRenderFlush();
  }
  app.unmount();
  await app.waitUntilExit();
  const lines = stdout.text.split('\n').map((line) => line.replaceAll(/\u001B\[[0-9;?]*[A-Za-z]/g, '').trim());
  assert.ok(stdout.text.includes('newest: line-6'), 'the app itself saw all six');
  return [1, 2, 3, 4, 5, 6].filter((n) => lines.includes(`line-${n}`));
}

const all = await printed(100);
const few = await printed(3);
console.log('list of all lines:            printed', all);
console.log('list of the newest 3, keyed:  printed', few);
assert.deepEqual(all, [1, 2, 3, 4, 5, 6]);
assert.deepEqual(few, [1, 2, 3]);
console.log(
  '\nSo: an agent monitor that bounds its log goes quiet for ever after the first N lines. Let the list grow.',
);
EOF
PATH=$place/node_modules/.bin:$PATH CI='' timeout 40 node probe.js
