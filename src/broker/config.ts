import { createHash } from 'node:crypto';
import path from 'node:path';
import { BROKER_MARK } from './processes.ts';

export interface BrokerPorts {
  amqp: number;
  epmd: number;
  dist: number;
}

export interface Credentials {
  user: string;
  password: string;
  vhost: string;
}

/** Fixed and without the port: RabbitMQ keeps its data under the node's name. */
export const NODE_NAME = 'swarm@localhost';

export interface BrokerPaths {
  dir: string;
  record: string;
  users: string;
  /** There while a stop waits for a start that is under way. */
  stopAsked: string;
  home: string;
  cookie: string;
  data: string;
  /** Copies of messages that only the node holds, one file for each project. */
  copies: string;
  /** Copies of messages whose data were put aside, until their project has them back. */
  rescued: string;
  log: string;
  etc: string;
  config: string;
  advanced: string;
  plugins: string;
  definitions: string;
  pidFile: string;
  stdout: string;
  /** Output of the last start with the core applications alone that did not work. */
  slimStdout: string;
  /** What Erlang knows of names beside the system. */
  names: string;
  epmdLog: string;
}

export function brokerPaths(dir: string): BrokerPaths {
  const at = (...parts: string[]): string => path.join(dir, ...parts);
  return {
    dir,
    record: at('broker.json'),
    users: at('users.json'),
    stopAsked: at('stop-asked'),
    home: at('home'),
    cookie: at('home', '.erlang.cookie'),
    data: at('mnesia'),
    copies: at('copies'),
    rescued: at('rescued'),
    log: at('log'),
    etc: at('etc'),
    config: at('etc', 'rabbitmq.conf'),
    advanced: at('etc', 'advanced.config'),
    plugins: at('etc', 'enabled_plugins'),
    definitions: at('etc', 'definitions.json'),
    pidFile: at('pid'),
    stdout: at('log', 'stdout.log'),
    slimStdout: at('log', 'stdout-slim.log'),
    names: at('etc', 'inetrc'),
    epmdLog: at('log', 'epmd.log'),
  };
}

export function rabbitmqConf(paths: BrokerPaths, port: number): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    // With definitions the default user `guest` is never created.
    `load_definitions = ${paths.definitions}`,
    'log.console = false',
    'log.file.level = warning',
    // Each probe whether the node answers would leave two warnings.
    'log.connection.level = error',
    'log.file.rotation.size = 10485760',
    'log.file.rotation.count = 3',
    // A day: an unacknowledged delivery must not close its channel after the default 30 minutes.
    'consumer_timeout = 86400000',
    // The default of 512 MiB alone would raise the memory alarm below.
    'raft.wal_max_size_bytes = 67108864',
    'vm_memory_high_watermark.absolute = 512MiB',
    'disk_free_limit.absolute = 256MiB',
    'collect_statistics = none',
    '',
  ].join('\n');
}

/**
 * The node is called after `localhost`, and waits without a word where the system does not know that name (a container
 * without /etc/hosts).
 */
export const ERLANG_NAMES = '{lookup, [file, native]}.\n{host, {127,0,0,1}, ["localhost"]}.\n';

/** RabbitMQ's salted hash: base64(salt + sha256(salt + password)). */
export function passwordHash(password: string, salt: Uint8Array): string {
  const digest = createHash('sha256').update(salt).update(password, 'utf8').digest();
  return Buffer.concat([salt, digest]).toString('base64');
}

export function definitions(credentials: Credentials, salt: Uint8Array): string {
  const { user, password, vhost } = credentials;
  return JSON.stringify({
    users: [
      {
        name: user,
        password_hash: passwordHash(password, salt),
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: 'administrator',
      },
    ],
    vhosts: [{ name: vhost }],
    permissions: [{ user, vhost, configure: '.*', write: '.*', read: '.*' }],
  });
}

/** Environment of node and epmd. Built from nothing: RABBITMQ_*, ERL_* of the person's shell must not get in. */
export function erlangEnvironment(
  paths: BrokerPaths,
  ports: BrokerPorts,
  searchPath: readonly string[],
): Record<string, string> {
  return {
    [BROKER_MARK]: paths.dir,
    PATH: searchPath.join(':'),
    HOME: paths.home,
    LC_ALL: 'C.UTF-8',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_INETRC: paths.names,
  };
}

/** @param tree root with `sbin` and `plugins` */
export function nodeEnvironment(
  paths: BrokerPaths,
  ports: BrokerPorts,
  tree: string,
  searchPath: readonly string[],
): Record<string, string> {
  return {
    ...erlangEnvironment(paths, ports, searchPath),
    // Read by every `erl`, so that the short-lived helper of the boot listens on loopback only, too.
    ERL_AFLAGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_CRASH_DUMP_SECONDS: '0',
    RABBITMQ_SCRIPTS_DIR: path.join(tree, 'sbin'),
    RABBITMQ_NODENAME: NODE_NAME,
    RABBITMQ_MNESIA_BASE: paths.data,
    RABBITMQ_LOG_BASE: paths.log,
    RABBITMQ_CONFIG_FILE: paths.config,
    RABBITMQ_ADVANCED_CONFIG_FILE: paths.advanced,
    RABBITMQ_ENABLED_PLUGINS_FILE: paths.plugins,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_DIST_PORT: String(ports.dist),
    RABBITMQ_PID_FILE: paths.pidFile,
    // Busy waiting of the schedulers halves the time of a boot and costs 0.3 % of a core when idle.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt medium +sbwtdcpu medium +sbwtdio medium',
    // Makes the scripts `exec` Erlang, so that the spawned process is the node itself.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}
