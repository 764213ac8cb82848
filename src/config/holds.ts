import * as z from 'zod';

type Duration = (least?: number) => z.ZodType<number, string>;

/** When agents wait for something outside of them. @param duration reads durations */
export function holdsSchema(duration: Duration) {
  return z.strictObject({
    login: duration(100).prefault('1m').describe('A login that is refused is tried again so often, by one agent.'),
    rateLimit: duration(100)
      .prefault('1m')
      .describe('How long all wait at a rate limit that does not say when it ends; doubles while it is still there.'),
    rateLimitMax: duration(100).prefault('15m').describe('Longest wait of that kind.'),
    overload: z
      .strictObject({
        failures: z
          .int()
          .min(1)
          .max(1000)
          .default(3)
          .describe('So many failures of the API, over all agents, within `window` make all wait.'),
        // Claude Code itself tries for about three minutes before a turn fails: the failures of a single agent must
        // fill the window too.
        window: duration(100)
          .prefault('15m')
          .describe('Window of `failures`; each comes after some 3 min of own tries of Claude Code.'),
        wait: duration(100)
          .prefault('30s')
          .describe('Longest first wait before one agent tries; doubles, with jitter.'),
        waitMax: duration(100).prefault('10m').describe('Longest wait before one agent tries again.'),
      })
      .prefault({}),
    stagger: duration().prefault('1s').describe('After a wait agents go on one after the other, so far apart.'),
    massDeath: z
      .strictObject({
        within: duration(100)
          .prefault('10s')
          .describe(
            'Half of the agents (and 3 at least) dead within this time are one trouble: no agent is restarted.',
          ),
        repeats: z
          .int()
          .min(1)
          .max(1000)
          .default(3)
          .describe('How often in `window` the end of the tmux server, which explains it, is simply mended.'),
        window: duration(1000).prefault('10m').describe('Window of `repeats`.'),
        wait: duration(100).prefault('2s').describe('First wait before one agent is started to see; doubles.'),
        waitMax: duration(100).prefault('5m').describe('Longest wait before one agent is started to see.'),
        alive: duration(100).prefault('10s').describe('How long that one must live before the others follow.'),
      })
      .prefault({}),
  });
}

/** Money of all agents together. */
export const budgetSchema = z.strictObject({
  usd: z
    .number()
    .positive()
    .max(1_000_000)
    .optional()
    .describe('What all agents together may spend; then none asks the model any more. Absent: no limit.'),
  per: z.enum(['day', 'run']).default('day').describe('day: from midnight on; run: from `swarm up` to `swarm down`.'),
  warnAt: z.number().min(0).max(1).default(0.8).describe('An alert at this part of it.'),
});
