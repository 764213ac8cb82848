import * as z from 'zod';
import { text, time } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { messageRoutes } from './routes.ts';

/** A message to an agent; `injected`: at a tool edge of a running turn. */
export const message = z.object({
  id: z.string(),
  agent: z.string(),
  receipt: z.enum(['queued', 'delivered', 'injected', 'refused']).describe('All but queued are final.'),
  reason: text.describe('Why it was refused.'),
  at: time,
  since: time.describe('ISO 8601: when it got its receipt.'),
});
export type MessageDocument = z.infer<typeof message>;

export const messageBody = z.strictObject({ text: z.string().min(1).max(100_000) });

const sent = z.object({ id: z.string(), receipt: z.string() });

export const messageSchemas = {
  send: { takes: messageBody, answers: sent },
  show: { answers: message },
} satisfies Schemas<typeof messageRoutes>;

export interface MessagesService extends ServiceOf<typeof messageRoutes, typeof messageSchemas> {}
export interface MessagesClient extends ClientOf<typeof messageRoutes, typeof messageSchemas> {}
