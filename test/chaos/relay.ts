import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * The line between swarm and a service on loopback: all traffic passes here, and can be cut, held, delayed or refused.
 */
export interface Relay extends AsyncDisposable {
  /** The service's URL through the relay. */
  url: string;
  /** Breaks every connection, also in the middle of an answer; new ones are taken again at once. */
  cut(): void;
  /** Passes nothing for so long; then everything goes on. Resolves then. */
  hold(ms: number): Promise<void>;
  /** Delays everything by `byMs`, for `forMs`. Resolves then. */
  delay(byMs: number, forMs: number): Promise<void>;
  /** Breaks every connection, and takes no new one for so long. Resolves then. */
  refuse(ms: number): Promise<void>;
}

class Pair {
  readonly #near: net.Socket;
  readonly #far: net.Socket;

  constructor(near: net.Socket, far: net.Socket, delayMs: () => number, ended: () => void) {
    this.#near = near;
    this.#far = far;
    const end = (): void => {
      near.destroy();
      far.destroy();
      ended();
    };
    near.on('error', end).on('close', end);
    far.on('error', end).on('close', end);
    pass(near, far, delayMs);
    pass(far, near, delayMs);
  }

  cut(): void {
    this.#near.destroy();
  }

  set held(held: boolean) {
    for (const socket of [this.#near, this.#far]) {
      if (held) socket.pause();
      else socket.resume();
    }
  }
}

/** Passes bytes on in order, however the delay changes: each piece waits for the one before. */
function pass(from: net.Socket, to: net.Socket, delayMs: () => number): void {
  let last = Promise.resolve();
  let late = 0;
  const send = (chunk: Buffer): void => {
    if (!to.destroyed) to.write(chunk);
  };
  from.on('data', (chunk: Buffer) => {
    const ms = delayMs();
    if (ms === 0 && late === 0) return send(chunk);
    late += 1;
    const due = pause(ms);
    last = last
      .then(() => due)
      .then(() => {
        late -= 1;
        send(chunk);
      });
  });
}

export async function openRelay(target: string): Promise<Relay> {
  const service = new URL(target);
  const pairs = new Set<Pair>();
  let [held, refused, delayMs] = [false, false, 0];
  const server = net.createServer((near) => {
    if (refused) return void near.destroy();
    const far = net.connect(Number(service.port), service.hostname);
    const pair: Pair = new Pair(
      near,
      far,
      () => delayMs,
      () => pairs.delete(pair),
    );
    pairs.add(pair);
    if (held) pair.held = true;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  const cut = (): void => {
    for (const pair of pairs) pair.cut();
  };
  const hold = (is: boolean): void => {
    held = is;
    for (const pair of pairs) pair.held = is;
  };
  return {
    url: url.href.replace(/\/$/, ''),
    cut,
    hold: async (ms) => {
      hold(true);
      await pause(ms);
      hold(false);
    },
    delay: async (byMs, forMs) => {
      delayMs = byMs;
      await pause(forMs);
      delayMs = 0;
    },
    refuse: async (ms) => {
      refused = true;
      cut();
      await pause(ms);
      refused = false;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
