import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import type { AgentSpec } from '../../coordination/link.ts';
import { startProgram } from '../../process/index.ts';

/**
 * Starts the supervisor as a daemon that outlives the wrapper. Its lock makes a second start harmless. Its output
 * before its own log is open goes into a file beside that log.
 */
export function startSupervisor(spec: AgentSpec, env: Record<string, string>, print: (line: string) => void): void {
  const output = openSync(path.join(spec.logsDir, 'supervisor.start.log'), 'a', 0o600);
  const stdio: ('ignore' | number)[] = ['ignore', output, output];
  const begun = startProgram(spec.supervisorArgv, { cwd: spec.root, env, detached: true, stdio });
  closeSync(output);
  if ('failed' in begun) void begun.failed.then(({ message }) => print(`the supervisor is not back: ${message}`));
  else begun.child.unref();
}
