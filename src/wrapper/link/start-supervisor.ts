import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { agentSpecSchema, type AgentSpec } from '../../coordination/link.ts';
import { startProgram } from '../../process/index.ts';

/**
 * Starts the supervisor as a daemon that outlives the wrapper. Its lock makes a second start harmless. Its output
 * before its own log is open goes into a file beside that log.
 */
export function startSupervisor(
  spec: AgentSpec,
  specFile: string,
  env: Record<string, string>,
  print: (line: string) => void,
): void {
  const output = openSync(path.join(spec.logsDir, 'supervisor.start.log'), 'a', 0o600);
  const stdio: ('ignore' | number)[] = ['ignore', output, output];
  const begun = startProgram(supervisorArgv(specFile, spec), { cwd: spec.root, env, detached: true, stdio });
  closeSync(output);
  if ('failed' in begun) void begun.failed.then(({ message }) => print(`the supervisor is not back: ${message}`));
  else begun.child.unref();
}

/** The command of the supervisor: one of another build that has adopted this wrapper has written its own there. */
function supervisorArgv(specFile: string, { supervisorArgv: known }: AgentSpec): string[] {
  try {
    const written = agentSpecSchema.pick({ supervisorArgv: true });
    return written.parse(JSON.parse(readFileSync(specFile, 'utf8'))).supervisorArgv;
  } catch {
    // The file is gone or damaged: the supervisor that started this wrapper is known.
    return known;
  }
}
