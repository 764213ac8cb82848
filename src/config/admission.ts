import * as z from 'zod';
import { size } from './size.ts';

/** Resources that must be left of the machine for one more agent to start; they never stop a running one. */
export const admissionSchema = z.strictObject({
  atOnce: z
    .int()
    .min(1)
    .max(200)
    .optional()
    .describe('So many agents start at the same time; default: two for each processor, at least 3.'),
  memory: size.prefault('512MiB').describe('Memory that stays free beside what one more agent takes.'),
  disk: size.prefault('512MiB').describe('Space that stays free where the worktrees lie.'),
  load: z
    .number()
    .min(0)
    .max(10_000)
    .default(20)
    .describe('No further agent starts above this load for each processor; 0: however high it is.'),
  rateLimit: z
    .number()
    .min(1)
    .max(100)
    .default(90)
    .describe(
      "No further agent starts when so many percent of the account's rate limit are used, as far as Claude Code tells it (of a subscription), nor while its agents are held by one.",
    ),
});
