import * as z from 'zod';

/** @param duration reads durations */
export function scaleSchema(duration: (least?: number) => z.ZodType<number, string>) {
  return z
    .strictObject({
      min: z.int().min(0).max(200).default(1).describe('Never fewer agents of this role than this.'),
      max: z.int().min(1).max(200).describe('Never more. With `scale` the number follows the work that waits.'),
      after: duration().prefault('10s').describe('One more starts when a task has waited for a free agent this long.'),
      idle: duration(1000).prefault('10m').describe('One that has had nothing to do for so long stops.'),
      cooldown: duration(1000).prefault('30s').describe('From one change of the number to the next.'),
    })
    .refine(({ min, max }) => min <= max, { path: ['min'], error: 'a number no greater than max' });
}
