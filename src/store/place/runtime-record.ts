import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProjectLayout } from '../../domain/layout.ts';

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

/**
 * The runtime directory in use, also by a supervisor of a version that writes no such file: the terminals of its agents
 * name its tmux server. Null: none is known, the caller's own counts.
 */
export async function runtimeDirInUse({ runtimeFile, apiSocket, lockDb, hash }: InUse): Promise<string | null> {
  const written = readRuntimeDir(runtimeFile);
  // Environments of all processes are read only where a supervisor has been and is not where the caller's shell has it.
  if (written !== null || existsSync(apiSocket) || !existsSync(lockDb)) return written;
  return (await import('./runtime-search.ts')).runtimeDirOfAgents(hash);
}

type InUse = Pick<ProjectLayout, 'runtimeFile' | 'apiSocket' | 'lockDb' | 'hash'>;
