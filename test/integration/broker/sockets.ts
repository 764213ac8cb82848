import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTEN = '0A';

function parseAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) =>
    (word.match(/../g) ?? []).toReversed().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join('.');
  return bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1 ? '::1' : `[${hex}]`;
}

/** Reads of a process's files; `gone` where the process, or the descriptor, has ended since it was listed. */
export function unlessGone<T>(read: () => T, gone: T): T {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return gone;
    throw error;
  }
}

/** TCP sockets on which a process listens, according to the kernel. */
export function listeningAddresses(pid: number): { address: string; port: number }[] {
  const inodes = new Set<string>();
  for (const fd of unlessGone(() => readdirSync(`/proc/${pid}/fd`), [])) {
    const match = /^socket:\[(\d+)\]$/.exec(unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''));
    if (match?.[1] !== undefined) inodes.add(match[1]);
  }
  return ['tcp', 'tcp6'].flatMap((table) =>
    unlessGone(() => readFileSync(`/proc/${pid}/net/${table}`, 'utf8'), '')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTEN && inodes.has(fields[9] ?? ''))
      .map((fields) => {
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        return { address: parseAddress(address), port: Number.parseInt(port, 16) };
      }),
  );
}
