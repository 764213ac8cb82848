import path from 'node:path';
import { exitText, runCommand } from '../../worktree/command.ts';
import { tail } from '../../lib/text.ts';
import type { Config } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { AGENT_MARK } from '../../domain/marks.ts';
import { agentSettings } from '../../git/worktree/agent-settings.ts';
import { formatDuration } from '../../lib/duration.ts';
import { timeLimit } from '../../lib/clock.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import { agentVariables } from '../../worktree/agent-variables.ts';
import { processes } from '../../worktree/processes.ts';

export interface TeardownDeps {
  layout: ProjectLayout;
  project: { config: Pick<Config, 'worktree' | 'stopGrace'> };
  env: Record<string, string>;
  fleet: { get(agent: string): AgentRecord | undefined };
}

export type Teardown = (worktree: string) => Promise<void>;

/**
 * Runs the config's commands for a worktree that is about to be removed.
 * @throws SwarmError `teardown-failed`: the worktree is to be kept
 */
export function teardownOf({ layout, project, env, fleet }: TeardownDeps): Teardown {
  return async (worktree) => {
    const { stopGrace } = project.config;
    const { teardown, setupTimeout } = project.config.worktree;
    // `worker-1.2` is the worktree of the second slot of worker-1.
    const id = path.basename(worktree).replace(/\.\d+$/, '');
    const portBase = fleet.get(id)?.portBase ?? null;
    const mark = `${layout.hash}/${id}/teardown/0`;
    const outputFile = path.join(layout.logsDir, id, 'teardown.log');
    const variables = {
      ...env,
      ...agentVariables({ id, worktree, portBase }, layout),
      ...agentSettings(worktree, env),
      [AGENT_MARK]: mark,
    };
    const signal = timeLimit(setupTimeout);
    for (const argv of teardown) {
      const startedAt = performance.now();
      const end = await runCommand({
        argv,
        cwd: worktree,
        env: variables,
        mark,
        outputFile,
        signal,
        graceMs: stopGrace,
        processes,
      });
      if (end.code === 0 && end.startError === null && !signal.aborted) continue;
      const took = formatDuration(performance.now() - startedAt);
      const how = signal.aborted ? `was ended after ${took} (worktree.setupTimeout)` : `ended with ${exitText(end)}`;
      const said = tail(end.tail, 500);
      throw new SwarmError(
        'teardown-failed',
        `its teardown ${JSON.stringify(argv)} ${how}; log: ${outputFile}${said === '' ? '' : `\n${said}`}`,
      );
    }
  };
}
