import * as z from 'zod';
import type { Rung } from '../domain/ladder.ts';
import { parseSize } from '../lib/size.ts';

type Duration = (least?: number) => z.ZodType<number, string>;

const DEFAULTS: Readonly<Record<Rung, string>> = {
  note: '0s',
  nudge: '30s',
  interrupt: '5m',
  restart: '5m',
  rollback: '5m',
  reassign: '5m',
  fail: '5m',
};

const MEANING: Readonly<Record<Rung, string>> = {
  note: 'An agent that is stuck is noted so long after it was found so; each further rung so long after the one before, while it is stuck still. `never` leaves a rung out.',
  nudge: 'It is told so with its next tool call.',
  interrupt: 'The command that it runs is ended, or its turn is cut short; it goes on in the same conversation.',
  restart: 'Everything of it is ended, and it is started again with the same task and conversation.',
  rollback: 'Its files go back to the last checkpoint from before the trouble; a new conversation is told why.',
  reassign: 'Its task is given to another agent.',
  fail: 'Its task counts as failed, and the agent is `failed` until you restart it.',
};

/** A duration, or `never` (null). */
function orNever(duration: Duration): z.ZodType<number | null, string> {
  const inner = duration();
  return z.string().transform((text, context) => {
    if (text === 'never') return null;
    const parsed = inner.safeParse(text);
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: 'a duration such as 45s or 30m, or never', input: text });
    return z.NEVER;
  });
}

/** @param duration reads durations */
export function healthSchema(duration: Duration) {
  const rung = (name: Rung) => orNever(duration).prefault(DEFAULTS[name]).describe(MEANING[name]);
  return z.strictObject({
    stuckAfter: duration(1000).prefault('10m').describe('No sign of progress for so long means stuck.'),
    longestCommand: duration(1000)
      .prefault('1h')
      .describe('A command that uses the processor, or reads and writes, counts as progress for so long.'),
    loopAfter: z
      .int()
      .min(3)
      .max(1000)
      .default(6)
      .describe('The same call with the same result so often in a row (or A-B-A-B) is a loop.'),
    ladder: z
      .strictObject({
        note: rung('note'),
        nudge: rung('nudge'),
        interrupt: rung('interrupt'),
        restart: rung('restart'),
        rollback: rung('rollback'),
        reassign: rung('reassign'),
        fail: rung('fail'),
      })
      .prefault({}),
  });
}

const size = z.string().transform((text, context) => {
  try {
    return parseSize(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'a size such as 800MiB or 6GiB', input: text });
    return z.NEVER;
  }
});

/** Soft: an alert. Hard: swarm acts. Absent: no limit. */
function limit<T extends z.ZodType>(value: T, what: string, act: string) {
  return z
    .strictObject({
      soft: value.optional().describe(`${what}: above it an alert.`),
      hard: value.optional().describe(`${what}: above it ${act}.`),
    })
    .prefault({});
}

/** Limits of what one agent may use; all off unless stated. */
export function limitsSchema(duration: Duration) {
  const restarted = 'it is restarted with its conversation, and told why; of kind shell, its command is ended';
  const interrupted = 'its turn is cut short, and it is told why';
  const paused = 'it is stopped and paused, its task is given to others, until you let it go on';
  return z
    .strictObject({
      memory: limit(size, 'Memory of all its processes', restarted),
      processes: z
        .strictObject({
          soft: z.int().min(1).default(1000).describe('Number of its processes: above it an alert.'),
          hard: z
            .int()
            .min(1)
            .default(4000)
            .describe('Number of its processes: above it the command that it runs is ended.'),
        })
        .prefault({}),
      turn: z
        .strictObject({
          soft: duration(1000)
            .prefault('4h')
            .describe('Length of one turn, without the time that it waits for you: above it an alert.'),
          hard: duration(1000).optional().describe(`Length of one turn: above it ${interrupted}.`),
        })
        .prefault({}),
      usd: limit(z.number().positive(), 'Dollars since midnight (UTC)', paused),
      tokens: limit(z.int().positive(), 'Tokens since midnight (UTC), read from the cache or not', paused),
    })
    .prefault({});
}
