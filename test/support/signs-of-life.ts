import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import type { ProjectLayout } from '../../src/domain/layout.ts';
import { WRAPPER_MARK } from '../../src/domain/marks.ts';

/** Listens at a socket, as a supervisor or a tmux server does. */
export async function listen(socket: string): Promise<AsyncDisposable> {
  const server = net.createServer().listen(socket);
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** A process with the mark of a wrapper of the project. */
export async function wrapperOf({ hash }: ProjectLayout): Promise<AsyncDisposable> {
  const child = spawn('cat', { env: { ...process.env, [WRAPPER_MARK]: `${hash}/worker-1` } });
  await once(child, 'spawn');
  // Its environment is that of the program once it answers.
  child.stdin.write('.');
  await once(child.stdout, 'data');
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
