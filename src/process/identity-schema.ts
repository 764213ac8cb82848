import * as z from 'zod';
import type { ProcessIdentity } from './identity.ts';

/** A process as another process wrote it down. */
export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  startTime: z.string(),
  bootId: z.string(),
}) satisfies z.ZodType<ProcessIdentity>;
