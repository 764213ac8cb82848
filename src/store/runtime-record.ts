import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../lib/atomic-file.ts';

/**
 * The runtime directory of the supervisor that holds the lock, or that held it last and did not end in order. Shells of
 * one user have different XDG_RUNTIME_DIR and TMPDIR; the state directory is the same for all, so it names the
 * directory of the sockets. Null: no file, or not one of swarm's.
 */
export function readRuntimeDir(file: string): string | null {
  try {
    const { runtimeDir } = JSON.parse(readFileSync(file, 'utf8')) as { runtimeDir?: unknown };
    return typeof runtimeDir === 'string' && path.isAbsolute(runtimeDir) ? runtimeDir : null;
  } catch {
    // No supervisor is up, or one of an older version that writes no such file: the caller uses its own shell's.
    return null;
  }
}

/** For the holder of the lock alone. */
export async function writeRuntimeDir(file: string, runtimeDir: string): Promise<void> {
  await writeFileAtomic(file, JSON.stringify({ runtimeDir }), { mode: 0o600 });
}
