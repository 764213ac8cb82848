import type { StatusDocument } from '../../api/status/schemas.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import { candidates } from './claims.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { mergeDesk } from './merge-desk.ts';
import type { Project } from '../project/project.ts';
import type { Roster } from '../fleet/roster.ts';
import { TaskDesk } from './task-desk.ts';
import type { ReversibleWork } from '../history/reversible-work.ts';

export interface OpenTaskDeskDeps {
  project: Project;
  engine: TaskEngine;
  fleet: Fleet;
  broker: { keeper: { readonly state: StatusDocument['broker'] } };
  events: EventLog;
  /** Orders the wrapper that works on it to end an attempt. */
  cancelAttempt(agent: string, task: string, attempt: number): Promise<void>;
  roster: Roster;
  works: ReversibleWork;
}

/** The tasks of this project, for people and programs. */
export function openTaskDesk({
  project: { layout, config },
  engine,
  fleet,
  broker: { keeper },
  events,
  cancelAttempt,
  roster,
  works,
}: OpenTaskDeskDeps) {
  return new TaskDesk({
    engine,
    get defaultRetries() {
      return config.tasks.retries;
    },
    agents: () => candidates(fleet, config),
    broker: () => brokerWords(keeper.state),
    events,
    cancelAttempt,
    base: () => roster.base,
    merging: (task, into) => works.merging(task, into),
    merged: (task, merge) => works.merged(task, merge),
    ...mergeDesk(layout, (branch, commit) => roster.moved(branch, commit)),
  });
}

/** Why no task is handed out; null: the broker is up. */
function brokerWords({ state, reason }: StatusDocument['broker']): string | null {
  if (state === 'up') return null;
  return `the broker is ${state}${reason === null ? '' : `: ${reason}`}`;
}
