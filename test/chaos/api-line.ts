import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** The line between the agents and the API: a relay on loopback that can be cut or made slow. */
export interface ApiLine extends AsyncDisposable {
  url: string;
  /** Breaks every connection, also in the middle of an answer; new ones are taken again at once. */
  cut(): void;
  /** For so long nothing passes; after that everything goes on. Resolves then. */
  hold(ms: number): Promise<void>;
}

export async function apiLine(target: string): Promise<ApiLine> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<[net.Socket, net.Socket]>();
  let held = false;
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    const pair: [net.Socket, net.Socket] = [near, far];
    pairs.add(pair);
    const close = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('error', close).on('close', close);
    far.on('error', close).on('close', close);
    near.pipe(far);
    far.pipe(near);
    if (held) for (const socket of pair) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: ownPort } = server.address() as net.AddressInfo;
  const cut = (): void => {
    for (const [near] of pairs) near.destroy();
  };
  return {
    url: `http://127.0.0.1:${ownPort}`,
    cut,
    hold: async (ms) => {
      held = true;
      for (const socket of [...pairs].flat()) socket.pause();
      await pause(ms);
      held = false;
      for (const socket of [...pairs].flat()) socket.resume();
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
