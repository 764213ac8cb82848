import * as z from 'zod';
import { text, time } from '../contract/words.ts';

/** An event. Names and data of this version are in `eventNames`. */
export const event = z.object({
  id: z.number(),
  at: time,
  name: z.string(),
  agent: text,
  task: text,
  data: z.record(z.string(), z.unknown()),
});
export type EventDocument = z.infer<typeof event>;

export const EVENT_PAGE_LIMIT = 1_000;

/** One page of events with a greater id than `after`, oldest first. */
export const eventQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(EVENT_PAGE_LIMIT).default(EVENT_PAGE_LIMIT),
});

/** The stream of events and its past, which have no route of the common kind. */
export interface EventsService {
  readonly past: {
    /** Events, oldest first; an id below zero means the last so many. */
    after(id: number, limit: number): EventDocument[];
  };
  subscribe(listener: (event: EventDocument) => void): () => void;
}
