import type { AgentsService } from './agents/schemas.ts';
import type { AlertsService } from './alerts/schemas.ts';
import type { CheckpointsService } from './checkpoints/schemas.ts';
import type { EventsService } from './events/schemas.ts';
import type { MessagesService } from './messages/schemas.ts';
import type { StatusService } from './status/schemas.ts';
import type { UpDownService } from './swarm/schemas.ts';
import type { TasksService } from './tasks/schemas.ts';
import type { WorkService } from './reversible-work/schemas.ts';

/** The services of the supervisor: for each noun, the room that does the work. */
export interface SwarmService {
  readonly agents: AgentsService;
  readonly alerts: AlertsService;
  readonly checkpoints: CheckpointsService;
  readonly events: EventsService;
  readonly messages: MessagesService;
  readonly status: StatusService;
  readonly swarm: UpDownService;
  readonly tasks: TasksService;
  readonly work: WorkService;
}
