#!/usr/bin/env bash
# One would guess: node:sqlite binds the number 1 as an INTEGER, since its page says "INTEGER: number or bigint".
# It is so: every number is bound as REAL. Only a column with a type turns it back; 'task-' || ? says task-1.0.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' >package.json
npm install --loglevel=error "node-$(node -p 'process.platform + "-" + process.arch')@24.21.0" >/dev/null
cat >probe.js <<'EOF'
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';

const db = new DatabaseSync(':memory:');
const { version } = db.prepare('SELECT sqlite_version() AS version').get();
console.log(`node ${process.version}, SQLite ${version}`);

const ask = (sql, ...values) => Object.values(db.prepare(sql).get(...values))[0];
const row = (what, seen, wanted) => {
  console.log(`${what.padEnd(64)} ${JSON.stringify(seen)}`);
  assert.deepEqual(seen, wanted);
};

console.log('\nThe number 1 (7 and 2 in the division), bound to a parameter:');
row('typeof(?)', ask('SELECT typeof(?)', 1), 'real');
row("'task-' || ?", ask("SELECT 'task-' || ?", 1), 'task-1.0');
row('? / ?', ask('SELECT ? / ?', 7, 2), 3.5);
row("json_object('n', ?)", ask("SELECT json_object('n', ?)", 1), '{"n":1.0}');

console.log('\nA strict table keeps what comes in a column ANY as it came, and JSON.parse hides it:');
db.exec('CREATE TABLE events (key ANY) STRICT');
db.prepare('INSERT INTO events VALUES (?)').run(1);
db.exec('INSERT INTO events VALUES (1)');
row('types of two rows: by parameter, by literal', ask('SELECT group_concat(typeof(key)) FROM events'), 'real,integer');
row("rows whose key reads '1' as text", ask("SELECT count(*) FROM events WHERE key || '' = '1'"), 1);

console.log('\nA bigint is bound as an INTEGER, and so is what a column with a type takes:');
row("'task-' || ?   (1n)", ask("SELECT 'task-' || ?", 1n), 'task-1');
db.exec('CREATE TABLE typed (n INTEGER)');
db.prepare('INSERT INTO typed VALUES (?)').run(1);
row("'task-' || n   (n INTEGER, written as 1)", ask("SELECT 'task-' || n FROM typed"), 'task-1');

console.log('\nSo: a key or a name that SQL makes of a bound number is another one than JavaScript makes of it.');
EOF
PATH=$place/node_modules/.bin:$PATH timeout 30 node probe.js
