import * as z from 'zod';
import { TASK_STATES } from '../../domain/task.ts';
import { agent, needsYou } from '../agents/schemas.ts';
import { base, number, text, time } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { statusRoutes } from './routes.ts';

export const status = z.object({
  version: z.string(),
  project: z.object({ hash: z.string(), name: z.string(), root: z.string(), base: base.nullable() }),
  supervisor: z.object({
    state: z.enum(['up', 'stopping', 'down']).describe('stopping: `down` was said, and not everything has ended yet.'),
    pid: number,
    since: text.describe('ISO 8601'),
    epoch: number,
    buildId: text,
  }),
  broker: z.object({
    state: z.enum(['absent', 'installing', 'starting', 'up', 'down']),
    url: text.describe('Without credentials.'),
    pid: number,
    private: z.boolean(),
    reason: text,
  }),
  degraded: z.array(z.string()).exactOptional().describe('What does not work now; absent while all is well.'),
  config: z
    .object({
      version: text.describe('What git calls the swarm.yaml in force, abbreviated; null: the defaults count.'),
      since: time,
      refused: z
        .object({ message: z.string(), hint: text })
        .nullable()
        .describe('Why the file as it is does not count.'),
      later: z.array(z.string()).describe('Keys that count from the next `down` and `up` on.'),
      outdated: z
        .array(z.string())
        .describe('Agents that live with earlier settings, or an earlier build of swarm, until they start again.'),
    })
    .nullable()
    .describe('swarm.yaml as it counts now; null while nothing is up.'),
  agents: z.array(agent),
  tasks: z.record(z.enum(TASK_STATES), z.number()).describe('How many are in each state.'),
  queues: z.array(z.object({ name: z.string(), messages: z.number(), consumers: z.number() })),
  needsYou: z.array(needsYou),
});
export type StatusDocument = z.infer<typeof status>;

/** The parts that do not work now, each in one line; `ok`: there are none. */
export interface HealthDocument {
  ok: boolean;
  degraded: string[];
}

export const statusSchemas = {
  show: { answers: status },
} satisfies Schemas<typeof statusRoutes>;

/** `/metrics` and `/health` have a shape of their own. */
export interface StatusService extends ServiceOf<typeof statusRoutes, typeof statusSchemas> {
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  health(): HealthDocument;
}
export interface StatusClient extends ClientOf<typeof statusRoutes, typeof statusSchemas> {}
