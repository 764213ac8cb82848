import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../lib/atomic-file.ts';

/**
 * The runtime directory of the supervisor that holds the lock, or held it last and did not end in order. Shells of one
 * user have different XDG_RUNTIME_DIR and TMPDIR; the state directory is the same for all, so it says where the sockets
 * are. Null: no file, or not one of ours.
 */
export function readRuntimeDir(file: string): string | null {
  try {
    const { runtimeDir } = JSON.parse(readFileSync(file, 'utf8')) as { runtimeDir?: unknown };
    return typeof runtimeDir === 'string' && path.isAbsolute(runtimeDir) ? runtimeDir : null;
  } catch {
    // Nothing is up, or a version of swarm that writes none is: the caller goes by its own shell.
    return null;
  }
}

/** For the holder of the lock alone. */
export async function writeRuntimeDir(file: string, runtimeDir: string): Promise<void> {
  await writeFileAtomic(file, JSON.stringify({ runtimeDir }), { mode: 0o600 });
}
