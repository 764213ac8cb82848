import type { Verb } from '../verb/verb.ts';

/**
 * Every verb by name, in the order of the help. Each is a file of this folder, a folder where it has sub-verbs, or the
 * head of a room of its own. A command line loads its own verb alone; `swarm --help` and the completion of a verb's
 * name load them all: so modules that cost time to load are loaded by the action.
 */
export const VERBS: Readonly<Record<string, () => Promise<{ verb: Verb }>>> = {
  up: () => import('./up.ts'),
  down: () => import('./down.ts'),
  status: () => import('./status.ts'),
  dash: () => import('./dash.ts'),
  attach: () => import('./attach.ts'),
  grid: () => import('./grid.ts'),
  logs: () => import('./logs.ts'),
  broker: () => import('./broker/index.ts'),
  task: () => import('./task/index.ts'),
  checkpoint: () => import('./checkpoint/index.ts'),
  rollback: () => import('./rollback.ts'),
  undo: () => import('./undo.ts'),
  rm: () => import('./rm.ts'),
  diff: () => import('./diff.ts'),
  merge: () => import('./merge.ts'),
  answer: () => import('./answer.ts'),
  send: () => import('./send.ts'),
  stop: () => import('./stop.ts'),
  restart: () => import('./restart.ts'),
  pause: () => import('./pause.ts'),
  resume: () => import('./resume.ts'),
  scale: () => import('./scale.ts'),
  explain: () => import('./explain.ts'),
  monitor: () => import('./monitor.ts'),
  events: () => import('./events.ts'),
  doctor: () => import('../doctor/index.ts'),
  init: () => import('../init/index.ts'),
  completion: () => import('../complete/completion.ts'),
  __complete: () => import('../complete/index.ts'),
  __demo: () => import('../demo/processes.ts'),
  demo: () => import('../demo/index.ts'),
};
