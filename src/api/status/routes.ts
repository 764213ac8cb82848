import { get } from '../contract/route.ts';

export const statusRoutes = {
  show: get('/v1/swarm', 'the whole state'),
};
