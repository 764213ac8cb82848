import { existsSync } from 'node:fs';
import { environmentFor } from '../../domain/environment.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { agentAround } from './context.ts';

/**
 * Keeps the environment of the person's shell for all programs that are started later, 0600. An agent that runs `swarm
 * up` must not replace the person's by its own.
 */
export async function keepEnvironment(layout: ProjectLayout, env: NodeJS.ProcessEnv): Promise<void> {
  if (agentAround(env) !== null && existsSync(layout.envSnapshot)) return;
  await writeFileAtomic(layout.envSnapshot, JSON.stringify(environmentFor('programs', env)), {
    mode: 0o600,
    fsync: false,
  });
}
