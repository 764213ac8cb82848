import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { SetUpError, setUpWorktree } from '../../worktree/setup.ts';
import { processes } from '../../worktree/processes.ts';
import type { Config } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { Slots } from '../../lib/slots.ts';
import { listeningPorts } from '../../process/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { appendAgentLog } from '../project/agent-log.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import { agentVariables } from '../../worktree/agent-variables.ts';
import type { EventLog } from '../project/event-log.ts';
import { setupSettings } from '../../worktree/setup-settings.ts';

export interface SetUpDeps {
  layout: ProjectLayout;
  config: Pick<Config, 'worktree' | 'stopGrace'>;
  log: Logger;
  events: EventLog;
  /** The person's present environment. */
  env(): Record<string, string>;
}

/**
 * Copies, links and runs what the config asks for in a new worktree, once. Not done with a detail: it failed, and a
 * person has to mend it; without one: it was interrupted.
 */
export type SetUpWorktree = (
  record: AgentRecord,
  signal: AbortSignal,
  progress: (what: string) => void,
) => Promise<{ done: true } | { done: false; detail: string | null }>;

/**
 * Sets up the worktrees of agents before their wrappers begin. Installing takes the whole machine: few do so at once.
 */
export function setUpWith({ layout, config, log, events, env }: SetUpDeps): SetUpWorktree {
  const turns = new Slots(Math.max(2, Math.floor(availableParallelism() / 2)));
  return async (record, signal, progress) => {
    const directory = path.join(layout.logsDir, record.id);
    const startedAt = Date.now();
    const taken = portsTaken(config.worktree.ports, record.portBase);
    if (taken !== null) events.emit('agent.note', { agent: record.id, data: { note: taken } });
    let told = false;
    const tell = (what: string): void => {
      if (!told) events.emit('agent.setup.started', { agent: record.id, data: { what } });
      told = true;
      appendAgentLog(layout, record.id, `set-up: ${what}`);
      progress(what);
    };
    const run = (): ReturnType<typeof setUpWorktree> =>
      setUpWorktree({
        root: layout.root,
        worktree: record.worktree,
        settings: setupSettings(config.worktree),
        env: { ...env(), ...agentVariables(record, layout) },
        mark: `${layout.hash}/${record.id}/setup/0`,
        outputFile: path.join(directory, 'setup.log'),
        graceMs: config.stopGrace,
        signal,
        processes,
        clock: systemClock,
        turn: (work) => {
          if (turns.full) progress('waits for its turn');
          return turns.run(work, signal);
        },
        progress: tell,
        output: (line) => appendAgentLog(layout, record.id, line),
      });
    try {
      const { ran, notes } = await run();
      for (const note of notes) events.emit('agent.note', { agent: record.id, data: { note: `set-up: ${note}` } });
      if (ran) events.emit('agent.setup.done', { agent: record.id, data: { ms: Date.now() - startedAt } });
      return { done: true };
    } catch (error) {
      if (signal.aborted) return { done: false, detail: null };
      if (!(error instanceof SetUpError)) throw error;
      const { message, tail } = error;
      log.error({ agent: record.id, tail }, message);
      appendAgentLog(layout, record.id, message, 'error');
      events.emit('agent.setup.failed', { agent: record.id, data: { detail: message, tail } });
      return { done: false, detail: describeFailure(record.id, error) };
    }
  };
}

/**
 * The ports of the block on which another program listens, since no process of the agent lives now; null where there
 * are none, or where the project names no ports.
 */
function portsTaken(ports: Config['worktree']['ports'], base: number | null): string | null {
  if (ports === undefined || base === null) return null;
  const taken = [...listeningPorts()].filter((port) => port >= base && port < base + ports.size).sort();
  return taken.length === 0 ? null : `another program listens on ${taken.join(', ')}, in its block of ports`;
}

/** A failed set-up for `status` and `up`: the cause first, then the program's output, then the cure. Pure. */
export function describeFailure(
  agent: string,
  { message, tail, hint }: Pick<SetUpError, 'message' | 'tail' | 'hint'>,
): string {
  const said = tail === '' ? '' : `\n${tail}`;
  const cure = hint === undefined ? 'Mend it, then' : `${hint} Then`;
  return `${message}${said}\n${cure} \`swarm restart ${agent}\` tries again; all of its output: \`swarm logs ${agent}\`.`;
}
