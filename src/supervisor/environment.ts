import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomic } from '../lib/atomic-file.ts';

/**
 * What the person's shell gave `swarm`, as the CLI kept it. A supervisor that was started again by a wrapper must see
 * the same world as the first one.
 */
export function loadEnvironment(file: string, fallback: NodeJS.ProcessEnv): Record<string, string> {
  const source = readSnapshot(file) ?? fallback;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) if (typeof value === 'string') env[name] = value;
  return env;
}

/**
 * Writes the snapshot where there is none (any more): a supervisor that was just ending may have removed the one that
 * this supervisor's `up` had written. The wrappers cannot begin without it.
 */
export async function keepEnvironment(file: string, env: Readonly<Record<string, string>>): Promise<void> {
  if (!existsSync(file)) await writeFileAtomic(file, JSON.stringify(env), { mode: 0o600 });
}

function readSnapshot(file: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    // Absent after a reboot; anything else is as good as absent, since the next `swarm up` writes it anew.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      process.emitWarning(`${file} cannot be read: ${String(error)}`);
    return null;
  }
}
