import { existsSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { swarmStateDir, type ProjectLayout } from '../../domain/layout.ts';
import { AGENT_MARK, WRAPPER_MARK } from '../../domain/marks.ts';
import { endTree, findMarked, readMark, type MarkedProcess } from '../../process/index.ts';
import { listStates, statesOf } from '../../store/place/state-place.ts';
import { countOf } from '../say/words.ts';
import type { Diagnosis } from './finding.ts';
import { isLockedWithin, whileDown } from './lock.ts';

/** How long wrappers may take to start the supervisor again, ms: they do it within a second or two, or not at all. */
const PATIENCE_MS = 3_000;
const GRACE_MS = 5_000;

interface KnownProject {
  hash: string;
  name: string;
  lockDb: string;
}

/** Projects of this user on this machine, by their state directories; the present one comes first. */
async function knownProjects({ swarmStateDir, hash, name, lockDb }: ProjectLayout): Promise<KnownProject[]> {
  const byHash = Map.groupBy(listStates(swarmStateDir), (state) => state.hash);
  byHash.delete(hash);
  const others = [...byHash].map(async ([id, states]): Promise<KnownProject> => {
    const { used } = await statesOf(swarmStateDir, id);
    const state = states.find(({ stateDir }) => stateDir === used) ?? states[0];
    return { hash: id, name: state?.name ?? id, lockDb: path.join(state?.stateDir ?? swarmStateDir, 'lock.db') };
  });
  return [{ hash, name, lockDb }, ...(await Promise.all(others))];
}

/**
 * Finds processes of agents whose supervisor is gone: by the mark in their environment, never by a name. Only of
 * projects whose lock lies in this user's state directory, because nothing else proves that their supervisor is gone.
 */
export async function checkOrphans(layout: ProjectLayout): Promise<Diagnosis[]> {
  const found = await Promise.all((await knownProjects(layout)).map((project) => checkProject(layout, project)));
  return found.flat();
}

async function checkProject(layout: ProjectLayout, project: KnownProject): Promise<Diagnosis[]> {
  if (marked(project.hash).length === 0) return [];
  // With a pid file, the request for the status has waited already.
  const waited = project.hash === layout.hash && existsSync(layout.supervisorPidFile);
  if (await isLockedWithin(project, waited ? 0 : PATIENCE_MS)) return [];
  // Processes found before may have ended during the wait.
  const left = marked(project.hash);
  if (left.length === 0) return [];
  const agents = [...new Set(left.map(({ value }) => value.split('/')[1] ?? '?'))].toSorted();
  const text = `${countOf(left.length, 'process').replace(/processs$/, 'processes')} of ${agents.join(', ')} in ${project.name} ${left.length === 1 ? 'lives' : 'live'} on without a supervisor (pid ${left
    .map(({ identity }) => identity.pid)
    .slice(0, 8)
    .join(', ')})`;
  const foreign = left.some((one) => stateDirOf(one) !== layout.swarmStateDir);
  if (foreign) {
    return [
      {
        check: 'orphans-elsewhere',
        severity: 'note',
        text,
        cause: 'They keep their state in another directory (XDG_STATE_HOME), where their supervisor may well be.',
      },
    ];
  }
  return [
    {
      check: 'orphans',
      severity: 'warning',
      text,
      cause: 'The supervisor was killed, and no wrapper could start it again.',
      cure: 'Run `swarm up` there to take them over, or end them.',
      repair: () => endOrphans(project),
    },
  ];
}

/** The living processes of agents and wrappers. */
function marked(hash: string): MarkedProcess[] {
  const all = [WRAPPER_MARK, AGENT_MARK].flatMap((name) => findMarked(name, hash));
  const byPid = new Map(all.map((one) => [one.identity.pid, one]));
  byPid.delete(process.pid);
  return [...byPid.values()];
}

function stateDirOf({ identity }: MarkedProcess): string {
  const env = Object.fromEntries(
    ['HOME', 'XDG_STATE_HOME'].map((name) => [name, readMark(identity.pid, name) ?? undefined]),
  );
  return swarmStateDir(env);
}

async function endOrphans(project: KnownProject): Promise<string> {
  return await whileDown(project, async () => {
    let found = 0;
    // Wrappers first: they would start ended agents again.
    for (const name of [WRAPPER_MARK, AGENT_MARK]) {
      const ended = await endTree({ roots: [], mark: { name, prefix: project.hash }, graceMs: GRACE_MS });
      found += ended.found;
      if (ended.survivors.length === 0) continue;
      const pids = ended.survivors.map(({ pid }) => pid).join(', ');
      throw new SwarmError('process-stays', `pid ${pids} of ${project.name} cannot be ended`, {
        hint: `Look at it: ps -fp ${pids}`,
      });
    }
    return `ended ${found} of ${project.name}; files, tasks and checkpoints are untouched`;
  });
}
