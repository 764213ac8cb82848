import type { Retention } from '../../checkpoint/keep/retention.ts';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { Config } from '../../config/index.ts';

type Settings = Pick<Config, 'checkpoints'>;

/** As the settings have it whenever it is asked. */
export function limitsOf(config: Settings): CheckpointLimits {
  return {
    get maxFileBytes() {
      return config.checkpoints.maxFileSize;
    },
  };
}

/** As a project's settings say it. */
export function retentionOf({ checkpoints: { keep } }: Settings): Retention {
  return { allMs: keep.all, hourlyMs: keep.hourly, dailyMs: keep.daily, count: keep.count };
}
