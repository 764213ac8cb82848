import { agentRoutes } from './agents/routes.ts';
import { alertRoutes } from './alerts/routes.ts';
import { checkpointRoutes } from './checkpoints/routes.ts';
import { messageRoutes } from './messages/routes.ts';
import { statusRoutes } from './status/routes.ts';
import { swarmRoutes } from './swarm/routes.ts';
import { taskRoutes } from './tasks/routes.ts';
import { workRoutes } from './reversible-work/routes.ts';

/** Every address with a JSON answer; `/v1/events`, `/health`, `/metrics` and `/openapi.json` have their own shape. */
export const routes = {
  agents: agentRoutes,
  alerts: alertRoutes,
  checkpoints: checkpointRoutes,
  messages: messageRoutes,
  status: statusRoutes,
  swarm: swarmRoutes,
  tasks: taskRoutes,
  work: workRoutes,
};
