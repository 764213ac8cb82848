import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { accepts, amqpAnswers, chooseFreePort } from '../../src/broker/probe.ts';
import { endProcessesOf } from '../support/processes.ts';
import { until } from './place.ts';

/** Not the Debian wrapper of the same name in /usr/sbin, which changes to another user. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const START_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 2_000;
const POLL_MS = 15;

/**
 * Starts a RabbitMQ node by its own script: private data, ports and port mapper, no plugins, and nothing of what swarm
 * does to make it quicker. It is ended again, outside of the measured time.
 * @returns milliseconds from the start of the script until AMQP is answered
 */
export async function stockBrokerStart(parent: string): Promise<number> {
  const directory = await mkdtemp(path.join(parent, 'stock-'));
  const inside = (name: string): string => path.join(directory, name);
  const taken = new Set<number>();
  const port = async (): Promise<number> => {
    const free = await chooseFreePort(taken);
    taken.add(free);
    return free;
  };
  const [amqp, dist, epmd] = [await port(), await port(), await port()];
  await writeFile(inside('rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${amqp}\n`);
  await writeFile(inside('enabled_plugins'), '[].');
  await writeFile(inside('advanced.config'), '[].');
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: directory,
    LC_ALL: 'C.UTF-8',
    RABBITMQ_NODENAME: `stock${amqp}@localhost`,
    RABBITMQ_MNESIA_BASE: inside('mnesia'),
    RABBITMQ_LOG_BASE: inside('log'),
    RABBITMQ_CONFIG_FILE: inside('rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: inside('advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: inside('enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_PID_FILE: inside('pid'),
    RABBITMQ_DIST_PORT: String(dist),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const options = { cwd: directory, env, stdio: 'ignore', detached: true } as const;
  const mapper = spawn('epmd', ['-port', String(epmd)], options);
  try {
    await until('port mapper', START_TIMEOUT_MS, async () => ((await accepts(epmd)) ? true : null));
    const startedAt = performance.now();
    const node = spawn(SERVER, [], options);
    const answered = until(
      'answer of RabbitMQ',
      START_TIMEOUT_MS,
      async () => ((await amqpAnswers(amqp, ANSWER_TIMEOUT_MS)) ? true : null),
      POLL_MS,
    );
    const ended = once(node, 'exit').then(([code]) => {
      throw new Error(`${SERVER} ended with ${String(code)}`);
    });
    await Promise.race([answered, ended]);
    const tookMs = performance.now() - startedAt;
    ended.catch(() => undefined);
    return tookMs;
  } finally {
    mapper.unref();
    // Every started process has the directory in its environment.
    await endProcessesOf(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
