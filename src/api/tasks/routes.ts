import { get, post } from '../contract/route.ts';

export const taskRoutes = {
  /** Adds one task, or several: all of them or none. */
  add: post('/v1/tasks', 'submit one task, or several at once'),
  /** Adds the tasks of a plan as one group: all of them or none. */
  run: post('/v1/groups', 'submit the tasks of a plan as a group'),
  list: get('/v1/tasks', 'tasks'),
  show: get('/v1/tasks/:id', 'one task with its attempts and result'),
  cancel: post('/v1/tasks/:id/cancel', 'cancel a task'),
  retry: post('/v1/tasks/:id/retry', 'try a dead or cancelled task again'),
  merge: post('/v1/tasks/:id/merge', "bring a task's result into a branch", { slow: true }),
  diff: get('/v1/tasks/:id/diff', 'what a task changed', { slow: true }),
};
