import * as z from 'zod';
import { text, time } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { alertRoutes } from './routes.ts';

/** A trouble that lasts, or that is over (`recovered`). */
export const alert = z.object({
  key: z.string().describe('The same trouble has the same key.'),
  severity: z.enum(['info', 'warning', 'critical']),
  state: z.enum(['raised', 'recovered']),
  agent: text,
  text: z.string(),
  since: time,
  at: time,
});
export type AlertDocument = z.infer<typeof alert>;

export const alertSchemas = {
  list: { answers: z.array(alert) },
} satisfies Schemas<typeof alertRoutes>;

export interface AlertsService extends ServiceOf<typeof alertRoutes, typeof alertSchemas> {}
export interface AlertsClient extends ClientOf<typeof alertRoutes, typeof alertSchemas> {}
