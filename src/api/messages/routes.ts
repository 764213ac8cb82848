import { get, post } from '../contract/route.ts';

export const messageRoutes = {
  send: post('/v1/agents/:id/messages', 'a message: the next turn of its conversation'),
  show: get('/v1/messages/:id', 'what became of a message'),
};
