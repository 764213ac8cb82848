import type { StartWait } from '../fleet/fleet-dependencies.ts';
import type { AgentKind } from '../../domain/agent.ts';
import { formatSize } from '../../lib/size.ts';
import type { Machine } from '../../process/index.ts';

export interface Applicant {
  id: string;
  kind: AgentKind;
  /** `back`: it has run before and lost its processes; its resources were its own a moment ago. */
  state: 'running' | 'starting' | 'new' | 'back';
  /** Why its account does not bear one more agent; absent: it does. */
  lack?: string | null;
}

export interface AdmissionRules {
  atOnce: number;
  /** Bytes that must stay free. */
  memory: number;
  disk: number;
  /** For each processor; 0: the load does not count. */
  load: number;
}

/** Memory of an idle agent with its wrapper, bytes. Programs that it runs later are its own matter. */
const NEEDS: Record<AgentKind, number> = { claude: 350 * 2 ** 20, shell: 100 * 2 ** 20 };
/** Resources that are kept for other programs on this machine. */
const SPARE = { files: 4_096, ownFiles: 64, terminals: 16 };

/**
 * Why agents that want to start have to wait, by agent; one that is not in the result may start. An agent that comes
 * back goes first and only ever waits for its turn. Pure.
 */
export function admit(machine: Machine, agents: readonly Applicant[], rules: AdmissionRules): Map<string, StartWait> {
  const waits = new Map<string, StartWait>();
  let there = agents.filter(({ state }) => state === 'running' || state === 'starting').length;
  const starting = agents.filter(({ state }) => state === 'starting');
  let begun = starting.length;
  // Agents that start now have not taken their memory yet.
  let taken = starting.reduce((sum, { kind }) => sum + NEEDS[kind], 0);
  const applicants = agents.filter(({ state }) => state === 'back' || state === 'new');
  for (const { id, kind, state, lack: ofAccount = null } of applicants.toSorted((a, b) => rank(a) - rank(b))) {
    const lack =
      state === 'back'
        ? null
        : (lackOf(machine, rules, { need: NEEDS[kind] + taken, first: there === 0 }) ?? ofAccount);
    if (lack !== null) waits.set(id, { for: 'machine', reason: lack });
    else if (begun >= rules.atOnce) waits.set(id, { for: 'turn', reason: turnText(begun) });
    else {
      begun += 1;
      there += 1;
      taken += NEEDS[kind];
    }
  }
  return waits;
}

const rank = ({ state }: Applicant): number => (state === 'back' ? 0 : 1);

function turnText(starting: number): string {
  return `waits for its turn: ${starting} other${starting === 1 ? ' is' : 's are'} starting`;
}

/** Why the machine does not bear one more agent; null: it does. A resource that cannot be measured forbids nothing. */
function lackOf(machine: Machine, rules: AdmissionRules, { need, first }: { need: number; first: boolean }) {
  const { memory, disk, files, ownFiles, terminals, load } = machine;
  const short = (left: number | null, least: number): left is number => left !== null && left < least;
  if (short(memory, rules.memory + need))
    return `${formatSize(memory)} of memory are free, ${formatSize(rules.memory + need)} are needed (admission.memory)`;
  if (short(disk, rules.disk))
    return `${formatSize(disk)} are free on the disk of the worktrees, ${formatSize(rules.disk)} are to stay so (admission.disk)`;
  if (short(files, SPARE.files)) return `the system has only ${files} open files left`;
  if (short(ownFiles, SPARE.ownFiles)) return `only ${ownFiles} more files may be opened (ulimit -n)`;
  if (short(terminals, SPARE.terminals)) return `the system has only ${terminals} terminals left`;
  // The first agent starts in any case: load of other programs must not keep a swarm from ever beginning.
  if (!first && rules.load > 0 && load !== null && load > rules.load)
    return `the load is ${load.toFixed(1)} for each processor, above ${rules.load} (admission.load)`;
  return null;
}
