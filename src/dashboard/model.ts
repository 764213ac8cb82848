import type { EventDocument } from '../api/events/schemas.ts';
import type { StatusDocument } from '../api/status/schemas.ts';
import type { Task } from '../domain/task-document.ts';

/** Everything that the dashboard knows. Replaced as a whole, never changed in place. */
export interface Model {
  /** Null until the first answer. */
  status: StatusDocument | null;
  /** Newest first. */
  tasks: readonly Task[];
  /** Newest first. */
  events: readonly EventDocument[];
  /** Why the supervisor cannot be reached, for a person; its last answer is shown then. */
  away: string | null;
}

export const NOTHING: Model = { status: null, tasks: [], events: [], away: null };
