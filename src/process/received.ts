import { readdirSync, readlinkSync } from 'node:fs';
import { environmentFor } from '../domain/environment.ts';
import { run } from './run.ts';

/** One end of a TCP connection on this machine. */
export interface TcpEnd {
  inode: number;
  localPort: number;
  peerPort: number;
  /** Bytes received so far. */
  received: number;
}

const TIMEOUT_MS = 5_000;

/**
 * All established connections, by `ss`: Node cannot ask the kernel for received bytes. Null: not known on this system.
 */
export async function tcpEnds(): Promise<TcpEnd[] | null> {
  const options = { env: environmentFor('swarm', process.env), timeoutMs: TIMEOUT_MS };
  const end = await run(['ss', '-tieHn', 'state', 'established'], options).catch(() => null); // Not installed.
  return end?.exitCode === 0 ? parseTcpEnds(end.stdout.toString()) : null;
}

/** An entry is a line with addresses and an inode, and indented ones with numbers. Pure. */
export function parseTcpEnds(text: string): TcpEnd[] {
  return text.split(/\n(?=\S)/).flatMap((entry) => {
    const [, , local = '', peer = ''] = entry.split(/\s+/);
    const inode = Number(/\bino:(\d+)/.exec(entry)?.[1] ?? 0);
    if (inode === 0) return [];
    const received = Number(/\bbytes_received:(\d+)/.exec(entry)?.[1] ?? 0);
    return [{ inode, localPort: portOf(local), peerPort: portOf(peer), received }];
  });
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** The sockets that a process has open; none of an ended or another user's process. */
export function socketsOf(pid: number): Set<number> {
  try {
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    return new Set(links.flatMap((link) => Number(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? 0) || []));
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return new Set();
    throw error;
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch (error) {
    // Closed meanwhile.
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
