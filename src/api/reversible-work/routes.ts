import { post } from '../contract/route.ts';

export const workRoutes = {
  /** Stops the agent and rolls it back; it goes on afterwards unless it is held. */
  rollback: post('/v1/agents/:id/rollback', 'bring its worktree and its conversation back to a checkpoint', {
    slow: true,
  }),
  /** Takes a checkpoint, to compare with. */
  plan: post('/v1/agents/:id/rollback-plan', 'what a rollback would change', { slow: true }),
  /** Undoes the newest operation, also that of a removed agent. */
  undo: post('/v1/agents/:id/undo', 'take back the last rollback, merge, removal or purge', { slow: true }),
  /**
   * Removes an agent. Fails with `worktree-kept` where work would be lost; with `force` the work is moved to a
   * checkpoint first.
   */
  remove: post(
    '/v1/agents/:id/remove',
    'stop it, examine its worktree, and remove both; refused where work would be lost',
    { slow: true },
  ),
};
