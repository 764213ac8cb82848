import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { brokerPaths, definitions, nodeEnvironment, passwordHash, rabbitmqConf } from '../../../src/broker/config.ts';
import { directoryError } from '../../../src/broker/errors.ts';
import { isSlimPlugin } from '../../../src/broker/install.ts';
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

test('the slim tree takes the core applications whatever their version, and no plugin', () => {
  expect(
    ['rabbit-3.10.8', 'ra-2.2.0', 'rabbit_common-4.1.0', 'ranch-2.1.0.ez', 'syslog-4.0.0'].every(isSlimPlugin),
  ).toBe(true);
  expect(['rabbitmq_management-3.10.8', 'rabbitmq_stream-3.10.8', 'cowboy-2.8.0', 'README'].some(isSlimPlugin)).toBe(
    false,
  );
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
