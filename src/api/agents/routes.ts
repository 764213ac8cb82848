import { get, post } from '../contract/route.ts';

export const agentRoutes = {
  list: get('/v1/agents', 'all agents'),
  show: get('/v1/agents/:id', 'one agent'),
  explain: get('/v1/agents/:id/explain', 'why it has its status: facts, their ages, and the rule that fired'),
  history: get('/v1/agents/:id/history', 'what its status was in the last 24 hours'),
  resume: post('/v1/agents/:id/resume', 'start an agent, or let it go on', {
    slow: true,
    also: '/v1/agents/:id/start',
  }),
  pause: post('/v1/agents/:id/pause', 'pause an agent', { slow: true }),
  stop: post('/v1/agents/:id/stop', 'stop an agent', { slow: true }),
  restart: post('/v1/agents/:id/restart', 'end the agent and start it again with the same conversation', {
    slow: true,
  }),
  answer: post('/v1/agents/:id/answer', 'answer what it asks'),
};
