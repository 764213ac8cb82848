import { post } from '../contract/route.ts';

export const swarmRoutes = {
  /** Answers at once, with the agents still `starting`. */
  up: post('/v1/swarm/up', 'bring agents up', { slow: true }),
  /** Answers when the order is taken; the supervisor then ends everything and exits. */
  down: post('/v1/swarm/down', 'end every agent, then the supervisor itself'),
};
