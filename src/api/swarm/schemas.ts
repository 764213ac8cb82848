import * as z from 'zod';
import { agent } from '../agents/schemas.ts';
import { base } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { swarmRoutes } from './routes.ts';

export const upBody = z.strictObject({
  workers: z.number().int().min(1).max(200).optional(),
  includeDirty: z.boolean().optional(),
  trust: z.boolean().optional(),
  /** The base of tasks stays the one that the last `up` found. */
  keepBase: z.boolean().optional(),
});
export type UpRequest = z.infer<typeof upBody>;

export const downBody = z.strictObject({
  purge: z.boolean().default(false),
  /** Work in the worktrees is moved to checkpoints; without it such a worktree is kept. */
  force: z.boolean().default(false),
});

export const up = z.object({
  agents: z.array(agent),
  base,
  notes: z.array(z.string()),
  wanted: z.array(z.string()).describe('Agents that should run now; workers beyond N are stopped.'),
});
export type UpDocument = z.infer<typeof up>;

export const swarmSchemas = {
  up: { takes: upBody, answers: up },
  down: { takes: downBody },
} satisfies Schemas<typeof swarmRoutes>;

export interface UpDownService extends ServiceOf<typeof swarmRoutes, typeof swarmSchemas> {}
export interface UpDownClient extends ClientOf<typeof swarmRoutes, typeof swarmSchemas> {}
