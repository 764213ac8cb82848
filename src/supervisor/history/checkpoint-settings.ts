import type { Retention } from '../../checkpoint/keep/retention.ts';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { Config } from '../../config/index.ts';

type Settings = Pick<Config, 'checkpoints'>;

/** The limits, with the settings of the moment of each reading. */
export function limitsOf(config: Settings): CheckpointLimits {
  return {
    get maxFileBytes() {
      return config.checkpoints.maxFileSize;
    },
  };
}

/** The retention rules in a project's settings. */
export function retentionOf({ checkpoints: { keep } }: Settings): Retention {
  return { allMs: keep.all, hourlyMs: keep.hourly, dailyMs: keep.daily, count: keep.count };
}
