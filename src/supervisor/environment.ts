import { readFileSync } from 'node:fs';

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

function readSnapshot(file: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    // Absent after a reboot; anything else is as good as absent, since the next `swarm up` writes it anew.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') process.emitWarning(`${file} cannot be read: ${String(error)}`);
    return null;
  }
}
