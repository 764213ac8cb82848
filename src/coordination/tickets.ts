/**
 * Decides how many tickets go to which queue. A ticket is a wake-up call for a free slot, not a task: the broker holds
 * about as many as there are free slots that could take a task now.
 */

/** Ready tasks that the same claimers could take. */
export interface ReadyTasks {
  kind: 'claude' | 'shell';
  needs: readonly string[];
  /** Only this agent may take them (they are pinned to it, or their conversation lives there). */
  only: string | null;
  /** Number of ready tasks of this shape, counted as far as it matters. */
  count: number;
}

/** A slot whose last claim was answered "none". */
export interface FreeSlot {
  agent: string;
  slot: number;
  kind: 'claude' | 'shell';
  capabilities: readonly string[];
}

/** Capability under which a shell agent listens for plain shell tasks. */
export const SHELL_CAPABILITY = 'shell';

/** Capability under which one agent alone listens. */
export function personalCapability(agent: string): string {
  return `@${agent}`;
}

/**
 * The queue for a task's ticket: `null` = the common queue. A task that not every listener of a common queue could take
 * gets its ticket sent to one able agent alone, so that no ticket is consumed in vain.
 */
export function ticketRoute(candidate: ReadyTasks, slot: FreeSlot): string | null {
  if (candidate.only !== null || candidate.needs.length > 0) return personalCapability(slot.agent);
  return candidate.kind === 'shell' ? SHELL_CAPABILITY : null;
}

export function canTake(slot: FreeSlot, candidate: ReadyTasks): boolean {
  return (
    slot.kind === candidate.kind &&
    (candidate.only === null || candidate.only === slot.agent) &&
    candidate.needs.every((need) => slot.capabilities.includes(need))
  );
}

/**
 * Matches ready tasks with free slots and returns the missing tickets.
 * @param outstanding tickets by route that were published and have led to no claim yet
 */
export function missingTickets(
  candidates: readonly ReadyTasks[],
  free: readonly FreeSlot[],
  outstanding: ReadonlyMap<string | null, number>,
): (string | null)[] {
  const open = [...free];
  const wanted = new Map<string | null, number>();
  // Tasks with few possible agents are matched first: an agent that can do anything would be counted for an easy task,
  // and none would be left for the hard one.
  for (const candidate of candidates.toSorted((a, b) => narrowness(b) - narrowness(a))) {
    for (let left = candidate.count; left > 0; left--) {
      const index = open.findIndex((slot) => canTake(slot, candidate));
      const [slot] = index < 0 ? [] : open.splice(index, 1);
      if (slot === undefined) break;
      const route = ticketRoute(candidate, slot);
      wanted.set(route, (wanted.get(route) ?? 0) + 1);
    }
  }
  const missing: (string | null)[] = [];
  for (const [route, count] of wanted) {
    for (let have = outstanding.get(route) ?? 0; have < count; have++) missing.push(route);
  }
  return missing;
}

function narrowness({ only, needs }: ReadyTasks): number {
  return only === null ? needs.length : Number.MAX_SAFE_INTEGER;
}
