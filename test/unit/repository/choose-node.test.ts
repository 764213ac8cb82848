import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPTS = path.resolve(import.meta.dirname, '../../../scripts');

/** A machine with stand-ins for Node, in the order of PATH; tells which one the set-up for `mode` takes. */
function chosen(mode: string, nodes: { version: string; typescript: string }[]): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'swarm-node-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(path.join(root, 'dist'));
  const places = nodes.map(({ version, typescript }, index) => {
    const place = path.join(root, `machine-${index}`);
    mkdirSync(place);
    const script = `#!/bin/sh\ncase $1 in --version) echo ${version} ;; -p) echo "${typescript}" ;; esac\n`;
    writeFileSync(path.join(place, 'node'), script, { mode: 0o755 });
    return place;
  });
  const parts = ['common', 'node'].map((part) => `. "${SCRIPTS}/setup.d/${part}.bash"`).join('; ');
  const env = { PATH: [...places, '/usr/bin', '/bin'].join(':'), HOME: root };
  const script = `set -u; scripts=${SCRIPTS}; root=${root}; mode=${mode}; ${parts}; choose_node`;
  const end = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
  expect(end.stderr).toBe('');
  return path.relative(root, readFileSync(path.join(root, 'dist/.node'), 'utf8').trim());
}

const OLD = { version: 'v20.19.2', typescript: 'strip' };
const OF_DEBIAN = { version: 'v24.4.1', typescript: '' };
const WHOLE = { version: 'v24.21.0', typescript: 'strip' };

test('the tests get a Node that runs TypeScript, be it not the first one', () => {
  expect(chosen('test', [OLD, OF_DEBIAN, WHOLE])).toBe('machine-2/node');
});

test('the program, which is built, runs under the first new Node', () => {
  expect(chosen('swarm', [OLD, OF_DEBIAN, WHOLE])).toBe('machine-1/node');
});
