import { existsSync } from 'node:fs';
import path from 'node:path';
import { run } from '../../process/run.ts';

/** How long systemd may take to answer, ms; after that swarm does without. */
const PROBE_TIMEOUT_MS = 1_000;

/**
 * The words before a program's argv with which it, and all its children, outlive the login session: a scope of the
 * user's own systemd. Empty where there is none, or where it does not work. systemd becomes the program itself, so that
 * its pid is known as usual.
 */
export async function scopeArgv(name: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  if (runtime === '' || !existsSync(path.join(runtime, 'systemd', 'private'))) return [];
  const plain = ['systemd-run', '--user', '--scope', '--quiet', '--collect', `--description=swarm: ${name}`];
  // A test that takes all memory must not end every program in the scope. Older versions do not know the property, nor
  // do they end a scope for that.
  for (const argv of [[...plain, '--property=OOMPolicy=continue'], plain])
    if (await works([...argv, '--', 'true'], env)) return [...argv, '--'];
  return [];
}

async function works(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<boolean> {
  const end = await run(argv, { env, timeoutMs: PROBE_TIMEOUT_MS }).catch(() => null); // There is no such program.
  return end?.exitCode === 0;
}
