import { readFileSync } from 'node:fs';

const LISTEN = '0A';

/** TCP ports on which any program listens now, on any address; none where the kernel does not tell. */
export function listeningPorts(): Set<number> {
  return new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => parseSockets(read(file))));
}

/** Ports of the listening sockets in the lines of `/proc/net/tcp`: `sl local_address rem_address st …`. Pure. */
export function parseSockets(text: string): number[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const port = Number.parseInt(local.split(':')[1] ?? '', 16);
    return state === LISTEN && Number.isInteger(port) ? [port] : [];
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EACCES') return '';
    throw error;
  }
}
