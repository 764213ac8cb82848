import { readFileSync } from 'node:fs';
import net from 'node:net';
import { SwarmError } from '../domain/errors.ts';
import { sleep, systemClock } from '../lib/clock.ts';

const HOST = '127.0.0.1';
const AMQP_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/**
 * Whether the listener on `port` answers the AMQP header with Connection.Start (method frame of class 10, method 10).
 */
export function amqpAnswers(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: HOST, port, noDelay: true });
    let received = Buffer.alloc(0);
    const finish = (answered: boolean): void => {
      cancel();
      socket.destroy();
      resolve(answered);
    };
    const cancel = systemClock.after(timeoutMs, () => finish(false));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('connect', () => socket.write(AMQP_HEADER));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 11) return;
      finish(received[0] === 1 && received.readUInt16BE(7) === 10 && received.readUInt16BE(9) === 10);
    });
  });
}

/** Whether a program listens on `port`. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: HOST, port });
    const finish = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Polls every `intervalMs` until `check` says true. @returns false at the deadline, or when `stop` says so */
export async function pollUntil(
  check: () => Promise<boolean>,
  options: { intervalMs: number; timeoutMs: number; stop?: () => boolean; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    if (await check()) return true;
    if (options.stop?.() === true || performance.now() > deadline) return false;
    await sleep(systemClock, options.intervalMs, options.signal);
  }
}

/**
 * First port that the kernel gives to outgoing connections. The broker's ports lie below: else an outgoing connection
 * could hold one while the node is down, and a client redialling such a port on loopback may connect to itself.
 */
function ephemeralStart(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1').split(/\s+/)[0]) || 32_768;
  } catch {
    return 32_768; // no such file on this platform
  }
}

/** A free port of the user range. @throws `broker-port` when 100 tries found none */
export async function chooseFreePort(taken: ReadonlySet<number>): Promise<number> {
  const end = ephemeralStart();
  const [low, high] = end >= 12_000 ? [Math.max(10_240, end - 12_000), end] : [20_000, 60_000];
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = low + Math.floor(Math.random() * (high - low));
    if (!taken.has(port) && (await isPortFree(port))) return port;
  }
  throw new SwarmError('broker-port', `No free port on ${HOST} between ${low} and ${high} for the broker`, {
    retrySafe: true,
    hint: 'Close programs that listen there, or set `broker.url` to a broker that you have.',
  });
}
