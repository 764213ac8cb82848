#!/usr/bin/env bash
# One would guess: a watched tree in which a file becomes a folder of the same name tells unlink, addDir, then its files.
# It is so: where both happen at once, as in a git checkout, neither is told, and nothing in the folder ever is.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" chokidar@6.0.0 >/dev/null
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { watch } from 'chokidar';

const { version } = JSON.parse(readFileSync('node_modules/chokidar/package.json'));
const git = (...args) =>
  execFileSync('git', ['-C', 'tree', '-c', 'user.name=a', '-c', 'user.email=a@example.invalid', ...args]);
console.log(`chokidar ${version}, node ${process.version}, ${execFileSync('git', ['--version']).toString().trim()}`);

mkdirSync('tree');
execFileSync('git', ['init', '-q', 'tree']);
const commit = (what) => (
  git('add', '-A'),
  git('commit', '-q', '-m', what),
  git('rev-parse', 'HEAD').toString().trim()
);
writeFileSync('tree/config', 'one file');
const asFile = commit('config is a file');
rmSync('tree/config');
mkdirSync('tree/config');
writeFileSync('tree/config/main', 'in a folder');
const asFolder = commit('config is a folder');
git('checkout', '-q', asFile);

const events = [];
const watcher = watch('tree', { ignored: (name) => name.endsWith('.git'), ignoreInitial: true });
await once(watcher, 'ready');
watcher.on('all', (event, name) => events.push(`${event} ${path.relative('tree', name)}`));

/** Every change before this file is told when this file is: all come through the same watch, in their order. */
let marks = 0;
async function untilTold() {
  const name = path.join('tree', `mark-${(marks += 1)}`);
  const told = new Promise((resolve) => {
    watcher.on('add', (added) => added === name && resolve());
  });
  writeFileSync(name, '');
  await told;
  // What is looked up again after a while (100 ms for a file that went away) has its time too.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return events.splice(0).filter((event) => !event.includes('mark-'));
}

git('checkout', '-q', asFolder);
const swap = await untilTold();
writeFileSync('tree/config/main', 'changed');
writeFileSync('tree/config/other', 'new');
mkdirSync('tree/config/deeper');
const later = await untilTold();
rmSync('tree/config/other');
const last = await untilTold();
await watcher.close();

console.log('\ngit checkout makes a folder of the file config:   ', swap);
console.log('then config/main changes, config/other is written:', later);
console.log('then config/other is removed:                     ', last);
assert.ok(!swap.includes('unlink config'), 'the file that went away was told');
assert.ok(!swap.includes('addDir config'), 'the folder that came was told');
assert.deepEqual(later, [], 'changes in the folder were told');
assert.deepEqual(last, []);
console.log('\nSo: a watcher that is alive and tells of no error is blind for that folder.');
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
