import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { errorText } from '../domain/errors.ts';
import { shellQuote } from '../lib/shell-quote.ts';
import { watchPath } from '../lib/watch.ts';

/** What a dropped file contains, by the beginning of its name. */
export type DropKind = 'session-start' | 'status-line';
const KINDS: readonly DropKind[] = ['session-start', 'status-line'];

/** A watch may miss an event; no file waits longer than this. */
const RESCAN_MS = 2_000;

/**
 * A command (POSIX shell) that passes its stdin to the endpoint where HTTP is not possible, by a file that is complete
 * the moment it has its name. A status line replaces the one before, a SessionStart never does.
 */
export function dropCommand(hookDir: string, kind: DropKind): string {
  const name = kind === 'status-line' ? 'status-line' : `${kind}.$$`;
  const quoted = shellQuote(hookDir);
  return `umask 077; cat > ${quoted}/.part.$$ && mv -f ${quoted}/.part.$$ ${quoted}/${name}`;
}

export interface DropWatcher {
  /** Resolves once every file that lies there now was passed on. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

function kindOf(name: string): DropKind | undefined {
  return KINDS.find((kind) => name === kind || name.startsWith(`${kind}.`));
}

/** Calls `onDrop` with each file's text, once, one after the other; files that lie there already come first. */
export async function watchDrops(
  hookDir: string,
  onDrop: (kind: DropKind, text: string) => void,
  log: (message: string, facts?: Record<string, unknown>) => void,
  watch = watchPath,
): Promise<DropWatcher> {
  await mkdir(hookDir, { recursive: true, mode: 0o700 });
  let closed = false;
  let wanted = false;
  let running: Promise<void> | null = null;

  const scan = async (): Promise<void> => {
    for (const name of (await readdir(hookDir)).sort()) {
      const kind = kindOf(name);
      if (kind === undefined || closed) continue;
      // Claimed by renaming first: a newer status line that arrives meanwhile is not deleted unread.
      const claimed = path.join(hookDir, `.read.${randomUUID()}`);
      await rename(path.join(hookDir, name), claimed);
      const text = await readFile(claimed, 'utf8');
      await rm(claimed, { force: true });
      onDrop(kind, text);
    }
  };
  const run = async (): Promise<void> => {
    while (wanted && !closed) {
      wanted = false;
      await scan().catch((error: unknown) =>
        log('hook directory cannot be read', { hookDir, error: errorText(error) }),
      );
    }
    running = null;
  };
  const kick = (): void => {
    wanted = true;
    running ??= run();
  };

  const watcher = watch(hookDir, {
    only: (name) => kindOf(name) !== undefined,
    changed: kick,
    failed: (error) => log('hook directory is not watched, only re-read', { hookDir, error: errorText(error) }),
  });
  const timer = setInterval(kick, RESCAN_MS);
  timer.unref();
  kick();
  return {
    drained: async () => {
      kick();
      await running;
    },
    close: async () => {
      closed = true;
      clearInterval(timer);
      await watcher.close();
      await running;
    },
  };
}
