import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { testedClaude } from '../../support/claude.ts';
import type { WrapperPane } from './wrapper-pane.ts';

/**
 * A command that starts Claude Code with changed settings, so that its hooks go astray in a way of which swarm knows
 * nothing. The settings as they were lie beside them with `.before` at the end.
 * @param edit for sed
 */
export function astray(edit: string): string[] {
  const script = `before=
for word; do
  [ "$before" = --settings ] && cp "$word" "$word.before" && sed -i '${edit}' "$word"
  before=$word
done
exec '${testedClaude().program}' "$@"`;
  return ['/bin/sh', '-c', script, 'sh'];
}

/** For `astray`: the hooks go to another port, on which nothing listens, or a relay. */
export const toPort = (port: number): string => `s#127\\.0\\.0\\.1:[0-9]*/hook#127.0.0.1:${port}/hook#g`;

/** Passes connections on to the wrapper, until it is closed. */
export async function relay(): Promise<AsyncDisposable & { port: number; to(pane: WrapperPane): void; cut(): void }> {
  let of: WrapperPane | null = null;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    void portOf(of).then((port) => {
      const wrapper = net.connect(port, '127.0.0.1');
      for (const socket of [client, wrapper]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
      }
      client.pipe(wrapper).pipe(client);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    to: (pane) => {
      of = pane;
    },
    cut,
    [Symbol.asyncDispose]: async () => cut(),
  };
}

async function portOf(pane: WrapperPane | null): Promise<number> {
  const file = path.join(pane?.spec.runtimeDir ?? '', 'agents/worker-1/settings.json.before');
  return Number(/127\.0\.0\.1:(\d+)\/hook/.exec(await readFile(file, 'utf8'))?.[1]);
}
