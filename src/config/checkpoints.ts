import * as z from 'zod';
import { size } from './size.ts';

/** Commands after which files or history are gone; the words of a pattern stand in this order, others may be between. */
export const HARMFUL_COMMANDS = [
  'git reset --hard',
  'git reset --merge',
  'git clean',
  'git checkout --',
  'git checkout -f',
  'git checkout .',
  'git restore',
  'git switch -f',
  'git switch --discard-changes',
  'git stash',
  'git rebase',
  'git rm',
  'git merge --abort',
  'rm -r',
  'rm -f',
  'rmdir',
  'shred',
  'truncate',
  'find -delete',
  'find -exec rm',
  'xargs rm',
  'rsync --delete',
];

/** @param duration reads durations */
export function checkpointsSchema(duration: (least?: number) => z.ZodType<number, string>) {
  return z.strictObject({
    every: duration(1000)
      .prefault('5m')
      .describe('A checkpoint so often while something changes, beside those at edges.'),
    maxFileSize: size.prefault('100MiB').describe('Larger files are left out of checkpoints, and named.'),
    before: z
      .array(z.string().min(1).max(200))
      .default(HARMFUL_COMMANDS)
      .describe('A checkpoint before Claude Code runs a command that has these words in this order.'),
    keep: z
      .strictObject({
        all: duration().prefault('1d').describe('Younger checkpoints all stay.'),
        hourly: duration().prefault('7d').describe('Younger than this, the last one of each hour stays.'),
        daily: duration().prefault('30d').describe('Younger than this, the last one of each day stays.'),
        count: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(5_000)
          .describe('At most so many of one agent, without pinned ones.'),
      })
      .prefault({}),
  });
}
