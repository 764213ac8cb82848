#!/usr/bin/env bash
# One would guess: optsWithGlobals() merges as defaults do elsewhere: what was typed beats a default.
# It is so: the parent's value beats the sub-command's even when the parent's is only its default, without a word.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent node@24.21.0 commander@15.1.0
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';

console.log(`commander ${JSON.parse(readFileSync('node_modules/commander/package.json')).version}, node ${process.version}`);

/** A program and a sub-command that both have --level, each with its own default. */
function parse(argv) {
  let seen;
  const program = new Command('tool').enablePositionalOptions().option('--level <word>', 'for all', 'info');
  program
    .command('run')
    .option('--level <word>', 'for this one', 'warn')
    .action((_, run) => {
      seen = {
        'opts()': run.opts().level,
        source: run.getOptionValueSource('level'),
        'optsWithGlobals()': run.optsWithGlobals().level,
        'source with globals': run.getOptionValueSourceWithGlobals('level'),
      };
    });
  program.parse(argv, { from: 'user' });
  console.log(`tool ${argv.join(' ').padEnd(28)}`, seen);
  return seen;
}

console.log('\nBoth commands know --level; the option stands after the sub-command, to which it then belongs:');
const typed = parse(['run', '--level', 'debug']);
assert.deepEqual(typed, { 'opts()': 'debug', source: 'cli', 'optsWithGlobals()': 'info', 'source with globals': 'default' });
parse(['run']);
parse(['--level', 'error', 'run', '--level', 'debug']);

console.log('\nSo: "debug" was typed, and optsWithGlobals() says "info", a default that nobody typed.');
EOF
PATH=$place/node_modules/.bin:$PATH timeout 30 node probe.js
