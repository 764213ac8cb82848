import path from 'node:path';
import type { FSWatcher } from 'chokidar';

export interface PathWatch {
  close(): Promise<void>;
}

export interface PathWatchOptions {
  /** Filter for the entries of a directory; entries of its folders never count. */
  only?(name: string): boolean;
  changed(): void;
  /** The watch reports nothing any more, or less. */
  failed(error: unknown): void;
}

/**
 * How often files are looked at where the user's environment asks for polling (CHOKIDAR_USEPOLLING, for file systems
 * that report no changes), ms.
 */
const POLL_MS = 1_000;

/**
 * Reports that a file, or an entry of a directory, has appeared, changed or gone: also a file that does not exist yet,
 * and one that editors replace by another. Existing files are reported at first, too. A change may be missed (no watch
 * is left, the kernel's queue has run over), so the caller also looks now and then at files that matter. Keeps no
 * process alive.
 */
export function watchPath(target: string, { only, changed, failed }: PathWatchOptions): PathWatch {
  let closed = false;
  const open = async (): Promise<FSWatcher | null> => {
    // Not loaded with the program: the caller's first look comes before any change that could be reported.
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
