import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { ApiServer } from '../api/server.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import type { Store } from '../store/store.ts';
import type { BrokerKeeper } from './broker/broker-keeper.ts';
import { endMarked } from './project/end-all-marked.ts';
import type { EventLog } from './project/event-log.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Leases } from './tasks/leases.ts';
import type { LinkServer } from './links/link-server.ts';
import type { Purge } from './history/purge.ts';
import { forgetProject, removeWorktrees } from './history/purge.ts';
import type { SupervisorQueue } from './broker/queue.ts';
import type { Project } from './project/project.ts';
import { removeRuntimeFiles } from './project/runtime-place.ts';
import { teardownOf } from './worktree/teardown.ts';
import type { TmuxHost } from './fleet/tmux-host.ts';

/** How long an end waits for steps of agents, ms: each may be cut off, as by a crash. */
const STEPS_MS = 10_000;

interface EndingParts {
  log: Logger;
  store: Store;
  layout: ProjectLayout;
  api: ApiServer;
  fleet: Fleet;
  tmux: TmuxHost;
  links: LinkServer;
  queue: SupervisorQueue;
  broker: BrokerKeeper;
  events: EventLog;
  leases: Leases;
  project: Pick<Project, 'config'>;
  /** The person's environment. */
  env: Record<string, string>;
}

type Step = readonly [what: string, run: () => Promise<unknown>];

/** Runs one step after the other: a failure is logged and prevents none of the others. True when none failed. */
export async function inTurn(log: Pick<Logger, 'error'>, steps: readonly Step[]): Promise<boolean> {
  let good = true;
  for (const [what, run] of steps) {
    try {
      await run();
    } catch (error) {
      good = false;
      log.error({ err: error }, `the end was not clean: ${what}`);
    }
  }
  return good;
}

/**
 * Ends one supervisor. With `everything` its agents are down already, and tmux and the broker end too; without, all of
 * it lives on and the next supervisor adopts it.
 *
 * The API goes first: a program that calls from now on starts the next supervisor. That one waits for the lock, which
 * goes last, since until then this supervisor removes the names of the sockets and the files.
 */
export async function endSupervisor(
  { everything, purge }: { everything: boolean; purge: Purge | null },
  parts: EndingParts,
): Promise<void> {
  const { log, store, layout, api, fleet, tmux, links, queue, broker, events, leases } = parts;
  const whenEverything = (what: string, run: () => Promise<unknown>): Step[] => (everything ? [[what, run]] : []);
  // Without it the wrappers start the next supervisor.
  if (everything) links.broadcast({ type: 'bye', epoch: store.epoch });
  await inTurn(log, [
    ['the API', () => api.close()],
    ['steps under way', () => fleet.close(STEPS_MS)],
  ]);
  const nothingLives = await inTurn(
    log,
    everything ? endOfAgents(tmux, layout) : [['the client of tmux', () => tmux.disconnect()]],
  );
  await inTurn(log, [
    ['the links', () => links.close()],
    ...whenEverything('the queues', () => queue.removeEmpty({ keepsSubmit: purge === null })),
    ['the connection to the broker', () => queue.close()],
    ['the broker', () => broker.close(everything)],
  ]);
  events.emit('supervisor.ended', { data: { everything } });
  await inTurn(log, [
    ['the last events', () => events.drain()],
    ['the note of being alive', () => leases.noteAlive()],
    ...whenEverything('the files of this run', () => removeRuntimeFiles(layout)),
  ]);
  const limits = { maxFileBytes: parts.project.config.checkpoints.maxFileSize };
  const forgets =
    purge !== null &&
    nothingLives &&
    (await inTurn(log, [
      ['the worktrees', () => removeWorktrees(layout, store, { ...purge, limits, teardown: teardownOf(parts) }, log)],
    ]));
  await inTurn(log, [
    // Lock and record go together: a program that finds the one looks for the other.
    ...whenEverything('the record of where it was', () => rm(layout.runtimeFile, { force: true })),
    ['the store', async () => store.close()],
  ]);
  if (forgets) await inTurn(log, [['the memory of the project', () => forgetProject(layout)]]);
}

/** Ends also processes that have lost their pane: they are found by the project's marks. */
function endOfAgents(tmux: TmuxHost, layout: ProjectLayout): Step[] {
  return [
    ['the tmux server', () => tmux.killServer()],
    ['processes without a pane', () => endMarked(layout.hash)],
  ];
}
