import type { Config } from '../config/index.ts';
import type { TaskOrder } from '../coordination/messages.ts';
import type { Task } from '../domain/task.ts';
import type { Base } from './up.ts';

/** Turns of follow-up that a failed verify gets. */
export const VERIFY_FOLLOW_UPS = 2;

/** The fields of an order that come from the config and the repository, not from the store. */
export type Decoration = Pick<TaskOrder, 'base' | 'verify' | 'verifyFollowUps'>;

/** Pure: what a task starts from and how it is verified. */
export function decorate(task: Pick<Task, 'verify' | 'kind'>, config: Config, base: Base): Decoration {
  return { base, verify: verifyOf(task, config), verifyFollowUps: task.kind === 'shell' ? 0 : VERIFY_FOLLOW_UPS };
}

function verifyOf(task: Pick<Task, 'verify' | 'kind'>, config: Config): TaskOrder['verify'] {
  if (task.verify === 'none') return null;
  // A shell task's exit code is its verdict already; it is verified only when it says so.
  const name = task.verify ?? (task.kind === 'shell' ? undefined : config.defaultVerify);
  if (name === undefined) return null;
  const argv = config.verify[name];
  return argv === undefined ? null : { name, argv };
}
