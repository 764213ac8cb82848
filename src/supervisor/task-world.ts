import type { TaskEngine } from '../scheduler/engine.ts';
import { candidates } from './claims.ts';
import type { EventLog } from './event-log.ts';
import type { Fleet } from './fleet.ts';
import type { LinkServer } from './links.ts';
import { mergeDesk } from './merge-desk.ts';
import type { Project } from './project.ts';
import type { Roster } from './roster.ts';
import { TaskDesk } from './task-desk.ts';
import type { Works } from './works.ts';

export interface TaskWorld {
  project: Project;
  engine: TaskEngine;
  fleet: Fleet;
  events: EventLog;
  links: LinkServer;
  roster: Roster;
  works: Works;
}

/** The tasks of this project, as people and programs ask for them. */
export function openTaskDesk({ project: { layout, config }, engine, fleet, events, links, roster, works }: TaskWorld) {
  return new TaskDesk({
    engine,
    get defaultRetries() {
      return config.tasks.retries;
    },
    agents: () => candidates(fleet, config),
    events,
    cancelAttempt: links.cancel,
    base: () => roster.base,
    merging: (task, into) => works.merging(task, into),
    merged: (task, merge) => works.merged(task, merge),
    ...mergeDesk(layout, (branch, commit) => roster.moved(branch, commit)),
  });
}
