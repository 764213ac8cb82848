/**
 * The claimers that may take a task, as one text: tasks with the same lane are interchangeable for every claimer. The
 * store has an index by lane and order, so a claim looks at the first task of each lane that has one, and at no others.
 */
export interface Lane {
  kind: 'claude' | 'shell';
  /** Only this agent may take it. */
  agent: string | null;
  /** Capabilities that the claimer must have, sorted. */
  needs: readonly string[];
  /** Until its reservation is over, only this agent may take it. */
  reservedFor: string | null;
}

export interface Claimer {
  agent: string;
  kind: 'claude' | 'shell';
  capabilities: readonly string[];
}

export function encodeLane(lane: Lane): string {
  return JSON.stringify([lane.kind, lane.agent, [...lane.needs].sort(), lane.reservedFor]);
}

/** The beginning of every lane of this kind. */
export function lanePrefix(kind: Lane['kind']): string {
  return `["${kind}",`;
}

export function decodeLane(text: string): Lane {
  const [kind, agent, needs, reservedFor] = JSON.parse(text) as [Lane['kind'], string | null, string[], string | null];
  return { kind, agent, needs, reservedFor };
}

export function mayTake(claimer: Claimer, lane: Lane): boolean {
  return (
    lane.kind === claimer.kind &&
    (lane.agent === null || lane.agent === claimer.agent) &&
    (lane.reservedFor === null || lane.reservedFor === claimer.agent) &&
    lane.needs.every((need) => claimer.capabilities.includes(need))
  );
}

/** The same lane, reserved for one agent, or for none (null). */
export function reserveLane(text: string, agent: string | null): string {
  return encodeLane({ ...decodeLane(text), reservedFor: agent });
}
