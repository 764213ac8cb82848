import { AGENT_MARK } from '../coordination/link.ts';
import { SwarmError } from '../domain/errors.ts';
import { cpuMsOf, endTree, identityOf, identityOfRow, scanProcesses, workOf } from '../process/index.ts';
import type { AgentProcesses } from './ports.ts';
import { SurvivorsError } from './survivors.ts';

/** The processes of this machine, as far as they are this wrapper's. */
export const processes: AgentProcesses = {
  cpuMs: (pid) => cpuMsOf(pid),
  identity: (pid) => identityOf(pid),
  async endWork(graceMs) {
    const work = workOf(process.pid, scanProcesses()).map((row) => identityOfRow(row));
    const { survivors, found } = await endTree({ roots: work, graceMs });
    if (survivors.length === 0) return work.length === 0 ? 0 : found;
    const pids = survivors.map(({ pid }) => pid).join(', ');
    throw new SwarmError('survivors', `processes that cannot be ended: ${pids}`);
  },
  async endMarked(prefix, graceMs) {
    const { survivors } = await endTree({ roots: [], mark: { name: AGENT_MARK, prefix }, graceMs });
    const pids = survivors.map(({ pid }) => pid);
    if (pids.length > 0) throw new SurvivorsError(prefix, pids);
  },
};
