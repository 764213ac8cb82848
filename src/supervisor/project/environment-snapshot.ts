import { existsSync, readFileSync } from 'node:fs';
import { environmentFor } from '../../domain/environment.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';

/**
 * The part of the person's shell environment, as the CLI kept it, that their programs get. A supervisor that a wrapper
 * started again must see the same world as the first one.
 */
export function loadEnvironment(file: string, fallback: NodeJS.ProcessEnv): Record<string, string> {
  return environmentFor('programs', readSnapshot(file) ?? fallback);
}

/**
 * Writes the snapshot where there is none: a supervisor that was just ending may have removed the one that this
 * supervisor's `up` had written. The wrappers cannot begin without it.
 */
export async function keepEnvironment(file: string, env: Readonly<Record<string, string>>): Promise<void> {
  if (!existsSync(file)) await writeFileAtomic(file, JSON.stringify(env), { mode: 0o600 });
}

function readSnapshot(file: string): Record<string, string> | null {
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(kept).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch (error) {
    // Absent after a reboot; an unreadable one counts as absent, since the next `swarm up` writes it anew.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      process.emitWarning(`${file} cannot be read: ${String(error)}`);
    return null;
  }
}
