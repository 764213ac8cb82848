import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { brokerPaths, definitions, nodeEnvironment, passwordHash, rabbitmqConf } from '../../../src/broker/config.ts';
import { canRead } from '../../../src/broker/data-version.ts';
import { directoryError } from '../../../src/broker/errors.ts';
import { slimTree } from '../../../src/broker/install.ts';
import { SwarmError } from '../../../src/domain/errors.ts';

const paths = brokerPaths('/state/broker');
const credentials = { user: 'swarm', password: 'secret', vhost: 'swarm' };

test('the node listens on loopback alone and never makes the guest user', () => {
  const lines = rabbitmqConf(paths, 21_000).split('\n');
  expect(lines.filter((line) => line.startsWith('listeners.'))).toEqual(['listeners.tcp.1 = 127.0.0.1:21000']);
  expect(lines).toContain('load_definitions = /state/broker/etc/definitions.json');
});

test('the password is known to the node as a salted hash only', () => {
  const salt = Buffer.from([1, 2, 3, 4]);
  const text = definitions(credentials, salt);
  expect(text).not.toContain('secret');
  const bytes = Buffer.from(passwordHash('secret', salt), 'base64');
  expect(bytes.subarray(0, 4)).toEqual(salt);
  expect(bytes.subarray(4)).toEqual(
    createHash('sha256')
      .update(Buffer.concat([salt, Buffer.from('secret')]))
      .digest(),
  );
});

test('the name of the node, and with it the place of the data, does not depend on the port', () => {
  const name = (amqp: number): string | undefined =>
    nodeEnvironment(paths, { amqp, epmd: 2, dist: 3 }, '/slim', ['/usr/bin'])['RABBITMQ_NODENAME'];
  expect(name(21_000)).toBe(name(22_000));
});

test("nothing of the person's environment reaches the node", () => {
  const env = nodeEnvironment(paths, { amqp: 1, epmd: 2, dist: 3 }, '/slim', ['/usr/bin']);
  expect(env).toMatchObject({
    HOME: '/state/broker/home',
    PATH: '/usr/bin',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SCRIPTS_DIR: '/slim/sbin',
  });
  expect(Object.keys(env)).not.toContain('USER');
});

function temporary(): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swarm-slim-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** An installation whose applications need what is said here. */
function install(home: string, needs: Record<string, string>): { home: string; version: string } {
  for (const [entry, needed] of Object.entries(needs)) {
    const name = entry.replace(/-\d.*/, '');
    const ebin = path.join(home, 'plugins', entry, 'ebin');
    mkdirSync(ebin, { recursive: true });
    writeFileSync(path.join(ebin, `${name}.app`), `{application, ${name}, [\n  {vsn, "1"},\n${needed}\n ]}.\n`);
  }
  return { home, version: '4.3.0' };
}

test('the slim tree has what the applications say that they need, and nothing else', () => {
  const home = temporary();
  const needs = {
    'rabbit-4.3.0':
      "{applications, [kernel,stdlib,\n    'rabbit_common', % and more\n    ra]},\n{registered, [rabbitmq_web]}",
    'rabbit_common-4.3.0': '{applications,[kernel,cowlib]},{included_applications, [thoas]}',
    'ra-3.0.1': '{applications, [aten]}, {optional_applications, [seshat]}',
    'aten-0.6.0': '{applications, [rabbit]}',
    'cowlib-2.16.0': '{applications, [crypto]}',
    'thoas-1.2.1': '',
    'seshat-1.0.0': '',
    'cowboy-2.14.0': '{applications, [cowlib]}',
    'rabbitmq_web-4.3.0': '{applications, [rabbit, cowboy]}',
  };
  const tree = slimTree(install(home, needs));
  expect(tree?.entries).toEqual(
    Object.keys(needs)
      .filter((entry) => !/cowboy|web/.test(entry))
      .toSorted(),
  );
  // Another selection is another tree, so that the failure of one says nothing of the other.
  writeFileSync(path.join(home, 'plugins/cowlib-2.16.0/ebin/cowlib.app'), '{applications, [cowboy]}');
  expect(slimTree({ home, version: '4.3.0' })?.name).not.toBe(tree?.name);
});

test('there is no slim tree where an application that is needed is an archive', () => {
  const home = temporary();
  const made = install(home, { 'rabbit-4.3.0': '{applications, [ra]}' });
  writeFileSync(path.join(home, 'plugins', 'ra-3.0.1.ez'), '');
  expect(slimTree(made)).toBeNull();
});

test('a full disk and a read-only directory are said to a person, with what to do', () => {
  const from = (fields: object): unknown => directoryError('/state', Object.assign(new Error('x'), fields));
  expect(from({ code: 'ENOSPC' })).toMatchObject({ code: 'broker-disk-full', retrySafe: true });
  expect(from({ code: 'ERR_SQLITE_ERROR', errcode: 13 })).toMatchObject({ code: 'broker-disk-full' });
  expect(from({ code: 'EROFS' })).toMatchObject({
    code: 'broker-directory',
    hint: expect.stringContaining('XDG_STATE_HOME'),
  });
  expect(from({ code: 'ERR_SQLITE_ERROR', errcode: 8 })).toMatchObject({ code: 'broker-directory' });
  expect(from({ code: 'ENOENT', syscall: 'spawn epmd' })).not.toBeInstanceOf(SwarmError);
  const other = new Error('something else');
  expect(directoryError('/state', other)).toBe(other);
  const known = new SwarmError('no-rabbitmq', 'none');
  expect(directoryError('/state', known)).toBe(known);
});

test.each([
  ['3.10.8', '3.10.8', true],
  ['3.10.8', '3.10.2', true],
  ['3.10.8', '3.12.1', true],
  ['3.13.7', '4.0.5', true],
  ['4.0.5', '4.2.0', true],
  ['3.12.1', '4.0.5', false],
  ['3.10.8', '4.3.0', false],
  ['4.0.5', '3.13.7', false],
  ['4.2.0', '4.1.3', false],
  ['some', '4.1.3', true],
])('data of RabbitMQ %s under %s: read is %s', (written, by, expected) => {
  expect(canRead(written, by)).toBe(expected);
});
