// oxlint-disable-next-line no-restricted-imports -- a daemon that outlives the wrapper
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import type { AgentSpec } from '../../coordination/link.ts';
import { errorText } from '../../domain/errors.ts';

/** Its lock makes a second start harmless. What it says before its own log is open goes beside that log. */
export function startSupervisor(spec: AgentSpec, env: Record<string, string>, print: (line: string) => void): void {
  const [program, ...args] = spec.supervisorArgv;
  if (program === undefined) return;
  const output = openSync(path.join(spec.logsDir, 'supervisor.start.log'), 'a', 0o600);
  const child = spawn(program, args, { cwd: spec.root, env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.on('error', (error) => print(`cannot start the supervisor: ${errorText(error)}`));
  child.unref();
}
