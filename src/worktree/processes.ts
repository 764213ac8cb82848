import { SwarmError } from '../domain/errors.ts';
import { AGENT_MARK } from '../domain/marks.ts';
import {
  cpuMsOf,
  endTree,
  identityOf,
  identityOfRow,
  scanProcesses,
  workOf,
  type ProcessIdentity,
} from '../process/index.ts';
import { SurvivorsError } from './survivors.ts';

export interface Processes {
  /** Processor time that the process has used so far, ms; 0 when there is no such process. */
  cpuMs(pid: number): number;
  /** Null when there is no such process. */
  identity(pid: number): ProcessIdentity | null;
  /**
   * Ends every process whose environment carries a mark below `prefix` (whole components: `p/worker-1`), and all their
   * descendants, whatever session or process group they are in; resolves when none is left.
   * @throws when a process survives SIGKILL
   */
  endMarked(prefix: string, graceMs: number): Promise<void>;
}

export interface AgentProcesses extends Processes {
  /**
   * Ends the programs that the agent's tools, checks and commands run, not the agent.
   * @returns how many there were
   * @throws when a process survives SIGKILL
   */
  endWork(graceMs: number): Promise<number>;
}

/** The processes of this machine that belong to this wrapper. */
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
