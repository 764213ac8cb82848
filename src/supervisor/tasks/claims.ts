import type { Config } from '../../config/index.ts';
import type { Payload, TaskOrder } from '../../coordination/messages.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { AgentDesired } from '../../domain/agent.ts';
import type { Task } from '../../domain/task-document.ts';
import { nearest } from '../../lib/nearest.ts';
import type { Decoration } from '../../scheduler/claim.ts';
import type { Refusal } from './dispatch.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { AvailableAgent } from './task-desk.ts';
import type { Base } from '../project/project.ts';

/** Most follow-up turns after a failed verify. */
export const VERIFY_FOLLOW_UPS = 2;

/**
 * The base of a task, and how it is verified. Pure.
 * @throws SwarmError `unknown-verify`: the attempt has failed then
 */
export function decorate(task: Pick<Task, 'verify' | 'kind'>, config: Config, base: Base): Decoration {
  return { base, verify: verifyOf(task, config), verifyFollowUps: task.kind === 'shell' ? 0 : VERIFY_FOLLOW_UPS };
}

function verifyOf(task: Pick<Task, 'verify' | 'kind'>, config: Config): TaskOrder['verify'] {
  if (task.verify === 'none') return null;
  // A shell task's exit code is its verdict already; it is verified only when it asks for it.
  const name = task.verify ?? (task.kind === 'shell' ? undefined : config.defaultVerify);
  if (name === undefined) return null;
  const argv = config.verify[name];
  if (argv !== undefined) return { name, argv };
  // A task that is done without the verify that it asks for would be worse than one that is not done.
  const [near] = nearest(name, Object.keys(config.verify), 1);
  throw new SwarmError(
    'unknown-verify',
    `swarm.yaml has no verify command ${name}${near === undefined ? ' any more' : `; did it mean ${near}?`}`,
  );
}

/** Why a claim is refused: an order must never reach a wrapper that is being replaced, or an agent that is to rest. */
export function refusal(fleet: Pick<Fleet, 'get' | 'desired'>, claim: Payload<'task.claim'>): Refusal | null {
  const record = fleet.get(claim.agent);
  // No supervisor could ever prove its processes gone.
  if (record === undefined) return { reason: 'no agent of this swarm', waits: false };
  // The hello of the right wrapper makes it claim again.
  const { linked, snapshot } = record.observed;
  if (!linked || snapshot?.incarnation !== claim.incarnation) return { reason: 'not linked', waits: false };
  return fleet.desired(record) === 'up' ? null : { reason: 'not wanted up', waits: true };
}

/** Whether a ticket for this agent would lead to a claim; else it would only lie in its queue. */
export function able(fleet: Pick<Fleet, 'get' | 'desired'>, agent: string): boolean {
  const record = fleet.get(agent);
  if (record === undefined) return false;
  const { linked, snapshot } = record.observed;
  if (!linked || snapshot === null) return false;
  const { paused, held, failure } = snapshot;
  return fleet.desired(record) === 'up' && !paused && held === null && failure === null;
}

/** The agents that could take a task: those that are wanted up. */
export function candidates(fleet: Fleet, { agents }: Config): AvailableAgent[] {
  const wanted = fleet.records.filter((record) => fleet.desired(record) !== 'stopped');
  return wanted.map((record) => {
    const { id, row } = record;
    const capabilities = agents[row.role]?.capabilities ?? [];
    return { id, kind: row.kind, capabilities, keptBy: keptBy(record, fleet.desired(record)) };
  });
}

/** Status and reason of an agent that takes no task, and would take none if it were free. */
function keptBy({ lifecycle, verdict, observed }: AgentRecord, desired: AgentDesired): string | null {
  if (desired === 'paused') return 'paused';
  // One of the admission rules, or a hold of all agents: its words name it.
  if (lifecycle.phase === 'waiting') return `not started yet: admission: ${lifecycle.detail}`;
  const waits = lifecycle.phase !== 'up' || observed.snapshot?.held != null || observed.snapshot?.failure != null;
  if (!waits) return null;
  const [reason = ''] = (verdict.reason ?? '').split('\n');
  return reason === '' ? verdict.status : `${verdict.status}: ${reason}`;
}
