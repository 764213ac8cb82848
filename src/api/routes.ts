import * as z from 'zod';
import { answerBody } from './agents/schemas.ts';
import { takeBody } from './checkpoints/schemas.ts';
import { emptyBody } from './contract/words.ts';
import { messageBody } from './messages/schemas.ts';
import { downBody, upBody } from './swarm/schemas.ts';
import { mergeBody, taskQuery, tasksBody } from './tasks/schemas.ts';
import { removeBody, rollbackBody } from './work/schemas.ts';
import { checkpointRoutes } from './checkpoint-routes.ts';
import { route, type Route } from './route.ts';

const none = z.looseObject({});
const id = (params: Record<string, string>): string => params['id'] ?? '';

function desiredRoute(verb: string, desired: 'up' | 'paused' | 'stopped'): Route {
  return route({
    method: 'POST',
    path: `/v1/agents/:id/${verb}`,
    summary: `${verb} an agent`,
    input: emptyBody,
    handle: (service, _input, params) => service.setDesired(id(params), desired),
  });
}

/** Every route with a JSON answer; `/v1/events`, `/health`, `/metrics` and `/openapi.json` have their own shape. */
export const routes: readonly Route[] = [
  ...checkpointRoutes,
  route({
    method: 'GET',
    path: '/v1/swarm',
    summary: 'the whole state',
    input: none,
    handle: (service) => service.status(),
  }),
  route({
    method: 'POST',
    path: '/v1/swarm/up',
    summary: 'bring agents up',
    input: upBody,
    handle: (service, body) => service.up(body),
  }),
  route({
    method: 'POST',
    path: '/v1/swarm/down',
    summary: 'end every agent, then the supervisor itself',
    input: downBody,
    handle: (service, body) => service.down(body),
  }),
  route({
    method: 'GET',
    path: '/v1/agents',
    summary: 'all agents',
    input: none,
    handle: (service) => service.agents(),
  }),
  route({
    method: 'GET',
    path: '/v1/agents/:id',
    summary: 'one agent',
    input: none,
    handle: (service, _query, params) => service.agent(id(params)),
  }),
  route({
    method: 'GET',
    path: '/v1/messages/:id',
    summary: 'what became of a message',
    input: none,
    handle: (service, _query, params) => service.message(id(params)),
  }),
  route({
    method: 'GET',
    path: '/v1/alerts',
    summary: 'what is wrong now',
    input: none,
    handle: (service) => service.alerts(),
  }),
  route({
    method: 'GET',
    path: '/v1/agents/:id/explain',
    summary: 'why it has its status: facts, their ages, and the rule that fired',
    input: none,
    handle: (service, _query, params) => service.explain(id(params)),
  }),
  route({
    method: 'GET',
    path: '/v1/agents/:id/history',
    summary: 'what its status was in the last 24 hours',
    input: none,
    handle: (service, _query, params) => service.history(id(params)),
  }),
  desiredRoute('start', 'up'),
  desiredRoute('resume', 'up'),
  desiredRoute('pause', 'paused'),
  desiredRoute('stop', 'stopped'),
  route({
    method: 'POST',
    path: '/v1/agents/:id/restart',
    summary: 'end the agent and start it again with the same conversation',
    input: emptyBody,
    handle: (service, _input, params) => service.restart(id(params)),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/checkpoint',
    summary: 'take a checkpoint of its worktree',
    input: takeBody,
    handle: (service, body, params) => service.checkpoint(id(params), body.reason),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/rollback',
    summary: 'bring its worktree and its conversation back to a checkpoint',
    input: rollbackBody,
    handle: (service, body, params) => service.rollback(id(params), body),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/rollback-plan',
    summary: 'what a rollback would change',
    input: rollbackBody,
    handle: (service, body, params) => service.rollbackPlan(id(params), body),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/undo',
    summary: 'take back the last rollback, merge, removal or purge',
    input: emptyBody,
    handle: (service, _input, params) => service.undo(id(params)),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/remove',
    summary: 'stop it, examine its worktree, and remove both; refused where work would be lost',
    input: removeBody,
    handle: (service, body, params) => service.remove(id(params), body),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/messages',
    summary: 'a message: the next turn of its conversation',
    input: messageBody,
    handle: (service, body, params) => service.send(id(params), body.text),
  }),
  route({
    method: 'POST',
    path: '/v1/agents/:id/answer',
    summary: 'answer what it asks',
    input: answerBody,
    handle: (service, body, params) => service.answer(id(params), body),
  }),
  route({
    method: 'GET',
    path: '/v1/checkpoints/:id',
    summary: 'checkpoints of an agent',
    input: none,
    handle: (service, _query, params) => service.checkpoints(id(params)),
  }),
  route({
    method: 'POST',
    path: '/v1/tasks',
    summary: 'submit one task, or several at once',
    input: tasksBody,
    handle: async (service, body) => {
      if ('tasks' in body) return { tasks: await service.submit(body.tasks) };
      const [added] = await service.submit([body]);
      return added;
    },
  }),
  route({
    method: 'GET',
    path: '/v1/tasks',
    summary: 'tasks',
    input: taskQuery,
    handle: (service, query) => service.tasks(query),
  }),
  route({
    method: 'GET',
    path: '/v1/tasks/:id',
    summary: 'one task with its attempts and result',
    input: none,
    handle: (service, _query, params) => service.task(id(params)),
  }),
  route({
    method: 'POST',
    path: '/v1/tasks/:id/cancel',
    summary: 'cancel a task',
    input: emptyBody,
    handle: (service, _input, params) => service.cancel(id(params)),
  }),
  route({
    method: 'POST',
    path: '/v1/tasks/:id/retry',
    summary: 'try a dead or cancelled task again',
    input: emptyBody,
    handle: (service, _input, params) => service.retry(id(params)),
  }),
  route({
    method: 'POST',
    path: '/v1/tasks/:id/merge',
    summary: "bring a task's result into a branch",
    input: mergeBody,
    handle: (service, body, params) => service.merge(id(params), body.into),
  }),
  route({
    method: 'GET',
    path: '/v1/tasks/:id/diff',
    summary: 'what a task changed',
    input: none,
    handle: (service, _query, params) => service.diff(id(params)),
  }),
];
