import { get, post } from '../contract/route.ts';

/** Routes of checkpoints, which removed agents have too. */
export const checkpointRoutes = {
  take: post('/v1/agents/:id/checkpoint', 'take a checkpoint of its worktree', { slow: true }),
  all: get('/v1/checkpoints', 'checkpoints of all agents, removed ones too', { slow: true }),
  list: get('/v1/checkpoints/:id', 'checkpoints of an agent'),
  show: get('/v1/checkpoints/:id/:n', 'one checkpoint and what it changed', { slow: true }),
  diff: get('/v1/checkpoints/:id/:n/diff', 'from one checkpoint to another, or to the worktree as it is now', {
    slow: true,
  }),
  restore: post('/v1/checkpoints/:id/:n/restore', 'bring single files or directories back', { slow: true }),
  branch: post('/v1/checkpoints/:id/:n/branch', 'make a branch with its files', { slow: true }),
  pin: post('/v1/checkpoints/:id/:n/pin', 'keep it for ever, or no longer', { slow: true }),
  drop: post(
    '/v1/checkpoints/:id/drop',
    'forget checkpoints; with purge their contents are removed from the repository',
    { slow: true },
  ),
  prune: post('/v1/checkpoints/prune', 'forget what the retention of swarm.yaml no longer keeps', { slow: true }),
};
