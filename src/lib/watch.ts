import path from 'node:path';
import type { FSWatcher } from 'chokidar';

export interface PathWatch {
  close(): Promise<void>;
}

export interface PathWatchOptions {
  /** Of a directory, the entries that count; those below them never do. */
  only?(name: string): boolean;
  changed(): void;
  /** It tells of nothing any more, or of less. */
  failed(error: unknown): void;
}

/** Where the user's environment asks for polling (CHOKIDAR_USEPOLLING, for file systems that tell of nothing), ms. */
const POLL_MS = 1_000;

/**
 * Tells that a file, or an entry of a directory, has appeared, changed or gone: also a file that is not there yet, and
 * one that editors replace by another. What is there at first is told too. It may miss a change (no watch is left, the
 * kernel's queue has run over), so what must not be missed is looked at now and then besides. Keeps no process alive.
 */
export function watchPath(target: string, { only, changed, failed }: PathWatchOptions): PathWatch {
  let closed = false;
  const open = async (): Promise<FSWatcher | null> => {
    // Not loaded with the program: its first look is earlier than anything that could be told.
    const { watch } = await import('chokidar');
    if (closed) return null;
    const ignored = (entry: string): boolean => entry !== target && only?.(path.basename(entry)) === false;
    const watcher = watch(target, { persistent: false, depth: 0, ignored, pollingInterval: POLL_MS });
    return watcher.on('all', changed).on('error', failed);
  };
  const opened = open().catch((error: unknown) => {
    failed(error);
    return null;
  });
  return {
    close: async () => {
      closed = true;
      await (await opened)?.close();
    },
  };
}
