#!/usr/bin/env bash
# One would guess: simple-git parses git's output whatever the person has in ~/.gitconfig, or fails where it cannot.
# It is so: color.ui=always hides the current branch and changed files, log.showSignature makes the newest commit a lie.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
command -v git >/dev/null && command -v ssh-keygen >/dev/null || { echo 'cannot run: needs git and ssh-keygen'; exit 77; }
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" \
  simple-git@4.0.2 >/dev/null
export HOME=$place/home GIT_CONFIG_SYSTEM=/dev/null
mkdir home repo
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { simpleGit } from 'simple-git';

const git = (...args) =>
  execFileSync('git', ['-C', 'repo', ...args])
    .toString()
    .trim();
const { version } = JSON.parse(readFileSync('node_modules/simple-git/package.json'));
console.log(`simple-git ${version}, ${git('--version')}, node ${process.version}`);

// Everything that git itself offers for this: signing with an ssh key, and the list of keys that count.
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', 'key']);
writeFileSync('allowed', `a@example.invalid ${readFileSync('key.pub')}`);
for (const [name, value] of Object.entries({
  'user.name': 'a',
  'user.email': 'a@example.invalid',
  'init.defaultBranch': 'main',
  'gpg.format': 'ssh',
  'user.signingKey': `${process.cwd()}/key.pub`,
  'gpg.ssh.allowedSignersFile': `${process.cwd()}/allowed`,
  'commit.gpgSign': 'true',
}))
  execFileSync('git', ['config', '--global', name, value]);

execFileSync('git', ['init', '-q', 'repo']);
for (const name of ['one', 'two']) {
  writeFileSync(`repo/${name}`, 'line\n'.repeat(30));
  git('add', '-A');
  git('commit', '-q', '-m', name);
}
git('branch', 'other');
appendFileSync('repo/one', 'more\n');
const repo = simpleGit('repo');

async function look() {
  const branches = await repo.branchLocal();
  const diff = await repo.diffSummary(['HEAD']);
  const log = await repo.log({ maxCount: 1 });
  return {
    current: branches.current,
    branches: branches.all,
    'changed files, counted': diff.changed,
    'changed files, named': diff.files.map(({ file }) => file),
    'commits (maxCount: 1)': log.total,
    'newest commit': log.latest.hash.trim(),
    'its subject': log.latest.message,
  };
}

const head = git('rev-parse', 'HEAD');
const plain = await look();
console.log('\nWith a plain configuration:\n', plain);
assert.deepEqual([plain.current, plain['changed files, named'], plain['newest commit']], ['main', ['one'], head]);

execFileSync('git', ['config', '--global', 'color.ui', 'always']);
const coloured = await look();
console.log('\nWith color.ui = always:\n', coloured);
assert.equal(coloured.current, '');
assert.ok(!coloured.branches.includes('main') && !coloured.branches.includes('other'));
assert.deepEqual(coloured['changed files, named'], []);
execFileSync('git', ['config', '--global', '--unset', 'color.ui']);

execFileSync('git', ['config', '--global', 'log.showSignature', 'true']);
const signed = await look();
console.log('\nWith log.showSignature = true and signed commits:\n', signed);
assert.notEqual(signed['newest commit'], head);
assert.equal(signed['its subject'], '');
assert.equal(signed['commits (maxCount: 1)'], 2);

console.log('\nSo: no call failed. Give it `config: [...]` that takes such settings back, or ask plumbing.');
EOF
PATH=$place/node_modules/.bin:$PATH timeout 40 node probe.js
