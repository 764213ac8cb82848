import { existsSync } from 'node:fs';
import type { SwarmClient } from '../../api/client.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { AtRest } from './at-rest.ts';
import type { Context } from './context.ts';
import { refuseForeign, refuseMoved } from './moved.ts';
import { openProject } from './project.ts';

/**
 * Reads from the supervisor; where swarm is down, from the disk, and the person is told so. Starts nothing.
 * @throws SwarmError `supervisor-down` where it was never up; `store-newer` and other errors of the store
 */
export async function readWhetherUp<T>(
  context: Context,
  fromClient: (client: SwarmClient) => Promise<T>,
  fromRest: (rest: AtRest) => T | Promise<T>,
): Promise<T> {
  const { layout, client } = await openProject(context);
  try {
    return await fromClient(client);
  } catch (error) {
    const isDown = error instanceof SwarmError && error.code === 'supervisor-down';
    if (!isDown) throw error;
    refuseMoved(layout);
    if (!existsSync(layout.db)) throw error;
  }
  refuseForeign(layout);
  // Loaded here: every verb pays for each module that it loads.
  const { AtRest: Rest } = await import('./at-rest.ts');
  using rest = Rest.open(layout);
  const found = await fromRest(rest);
  context.output.note(`${layout.name} is not up: this is how it was left. \`swarm up\` goes on with it.`);
  return found;
}
