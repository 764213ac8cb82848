import type { ClaimReply, TaskOrder } from '../coordination/messages.ts';
import { errorText } from '../domain/errors.ts';
import { taskId } from '../domain/task-id.ts';
import type { Task } from '../domain/task-document.ts';
import type { AttemptRow, LeaseRow, TaskRow } from '../store/task-rows.ts';
import { taskDocument } from './document.ts';
import { decodeLane, lanePrefix, mayTake, type Claimer } from './lane.ts';
import { fail, promoteDue } from './settle.ts';
import type { Step } from './step.ts';

export interface Claim extends Claimer {
  slot: number;
  incarnation: string;
}

/**
 * The parts of an order that come from the configuration and the repository, which only the caller knows; its two
 * limits apply where the task names none.
 */
export type Decoration = Pick<TaskOrder, 'base' | 'verify' | 'verifyFollowUps'> &
  Partial<Pick<TaskOrder, 'timeoutMs' | 'budgetUsd'>>;

export interface ClaimContext {
  leaseMs: number;
  /** Synchronous: it runs inside the transaction. A throw counts as a failed attempt of class `setup`. */
  decorate(task: Task): Decoration;
}

/** Stored with the lease, so that a claim that is repeated gets the very same order. */
type Frozen = Decoration & Pick<TaskOrder, 'resume'>;

/**
 * A task whose order cannot be made must not keep others from being claimed; nor may a thousand such tasks take a
 * second.
 */
const MAX_UNDECORATED = 10;

export function claimTask(step: Step, claim: Claim, context: ClaimContext): ClaimReply {
  const held = step.tables.attempts.leaseOfSlot(claim.agent, claim.slot);
  if (held !== undefined) return repeat(step, held, claim);
  promoteDue(step);
  for (let tries = 0; tries < MAX_UNDECORATED; tries += 1) {
    const n = resumable(step, claim) ?? best(step, claim);
    const task = n === undefined ? undefined : step.tables.tasks.get(n);
    if (task === undefined)
      return none(step.tables.tasks.count('ready') === 0 ? 'no task is ready' : 'no ready task fits this agent');
    const order = lease(step, task, claim, context);
    if (order !== undefined) return { got: 'task', order };
  }
  return none('the tasks that are next could not be prepared; they are tried again later');
}

/** True when a claim by this agent would get a task. */
export function hasWork(step: Pick<Step, 'tables'>, claimer: Claimer): boolean {
  for (const lane of step.tables.tasks.readyLanes(lanePrefix(claimer.kind))) {
    if (mayTake(claimer, decodeLane(lane))) return true;
  }
  return false;
}

function none(reason: string): ClaimReply {
  return { got: 'none', reason };
}

function repeat(step: Step, held: LeaseRow, claim: Claim): ClaimReply {
  const id = taskId(held.task);
  if (held.incarnation !== claim.incarnation) {
    return none(
      `slot ${held.slot} of ${held.agent} still holds ${id} from before it was restarted; it is free once those processes are known to be gone`,
    );
  }
  const task = step.tables.tasks.get(held.task);
  if (task === undefined) throw new Error(`the lease of ${id} has no task`);
  return { got: 'task', order: orderOf(step, taskDocument(step.tables, task, step.now), held) };
}

/** The best ready task of all lanes that this agent may take from. */
function best(step: Step, claimer: Claimer): number | undefined {
  let found: { n: number; order_key: number } | undefined;
  for (const text of step.tables.tasks.readyLanes(lanePrefix(claimer.kind))) {
    if (!mayTake(claimer, decodeLane(text))) continue;
    const first = step.tables.tasks.bestOfLane(text);
    if (first === undefined) continue;
    if (
      found === undefined ||
      first.order_key < found.order_key ||
      (first.order_key === found.order_key && first.n < found.n)
    )
      found = first;
  }
  return found?.n;
}

/**
 * The task whose conversation this agent was in when its attempt was lost or released, if no other attempt has begun
 * since: to go on there costs least, so that task comes before any other.
 */
function resumable(step: Step, claimer: Claimer): number | undefined {
  const last = step.tables.attempts.latestOf(claimer.agent);
  if (last === undefined || (last.outcome !== 'lost' && last.outcome !== 'released')) return undefined;
  const task = step.tables.tasks.get(last.task);
  if (task === undefined || task.state !== 'ready' || task.attempts !== last.n) return undefined;
  if (last.outcome === 'released' && last.session_id === null && !isKeptFor(task, claimer.agent)) return undefined;
  return mayTake(claimer, decodeLane(task.lane)) ? task.n : undefined;
}

function isKeptFor(task: TaskRow, agent: string): boolean {
  return decodeLane(task.lane).reservedFor === agent;
}

/** Leases a task to the agent. Undefined when the order cannot be made; the attempt has failed then. */
function lease(step: Step, task: TaskRow, claim: Claim, context: ClaimContext): TaskOrder | undefined {
  const { attempts } = step.tables;
  const previous = attempts.latestOf(claim.agent);
  const document = taskDocument(step.tables, task, step.now);
  const n = task.attempts + 1;
  step.move(task, 'claim', { attempts: n, note: null });
  attempts.begin(task.n, n, claim.agent, step.now);
  const itsOwn = document.kind === 'claude' && previous?.task === task.n && previous.n === n - 1;
  const since = itsOwn ? goesOnSince(attempts.of(`[${task.n}]`), previous) : null;
  const goesOn = itsOwn && since !== null;
  // Stored now, for the attempt after this one, in case this one dies before its first prompt.
  if (goesOn) attempts.setSession(task.n, n, previous.session_id);
  let decoration: Decoration;
  try {
    decoration = context.decorate(document);
  } catch (error) {
    fail(step, task, {
      agent: claim.agent,
      outcome: 'failed',
      errorClass: 'setup',
      error: errorText(error),
      sessionId: null,
      costUsd: 0,
    });
    return undefined;
  }
  const frozen: Frozen = {
    ...decoration,
    resume: goesOn
      ? {
          sessionId: previous.session_id || null,
          since,
          reason: previous.error ?? `attempt ${previous.n} was ${previous.outcome}`,
        }
      : null,
  };
  const row: LeaseRow = {
    task: task.n,
    attempt: n,
    agent: claim.agent,
    slot: claim.slot,
    incarnation: claim.incarnation,
    since: step.now,
    expires_at: step.now + context.leaseMs,
    lease_ms: context.leaseMs,
    frozen: JSON.stringify(frozen),
  };
  attempts.lease(row);
  step.record('task.leased', task.n, claim.agent, { attempt: n, slot: claim.slot });
  return orderOf(step, document, row);
}

/**
 * The oldest attempt to which the worktree's noted task may belong for the next attempt to go on there; 0: any, the
 * conversation is known. Null: the next attempt begins anew. When wrapper and supervisor died at once after a first
 * prompt, only the worktree knows of it.
 */
function goesOnSince(all: readonly AttemptRow[], last: AttemptRow): number | null {
  if (last.session_id !== null) return 0;
  const known = all.findLastIndex((one) => one.n <= last.n && !(one.agent === last.agent && isUnheard(one)));
  const since = all[known + 1]?.n ?? last.n + 1;
  return since <= last.n ? since : null;
}

/** Whether the attempt ended without a known conversation and without a finding that its work came to nothing. */
function isUnheard({ session_id, outcome, error_class }: AttemptRow): boolean {
  if (session_id !== null) return false;
  return outcome === 'lost' || outcome === 'released' || (outcome === 'failed' && error_class === 'setup');
}

function orderOf(step: Step, task: Task, lease: LeaseRow): TaskOrder {
  const frozen = JSON.parse(lease.frozen) as Frozen;
  return {
    task: task.id,
    attempt: lease.attempt,
    slot: lease.slot,
    title: task.title,
    kind: task.kind,
    prompt: task.prompt,
    command: task.command,
    leaseMs: lease.lease_ms,
    base: frozen.base,
    dependencies: task.after.filter((id) => id !== task.on).map((id) => dependency(step, id)),
    on: task.on === null ? null : dependency(step, task.on),
    timeoutMs: task.timeoutMs ?? frozen.timeoutMs ?? null,
    verify: frozen.verify,
    verifyFollowUps: frozen.verifyFollowUps,
    budgetUsd: task.budgetUsd ?? frozen.budgetUsd ?? null,
    resume: frozen.resume,
    history: task.attempts
      .filter(({ n }) => n < lease.attempt)
      .map(({ n, agent, outcome, error }) => ({ attempt: n, agent, outcome: outcome ?? 'lost', error })),
  };
}

function dependency(step: Step, id: string): TaskOrder['dependencies'][number] {
  const ns = `[${id.slice(1)}]`;
  const { tasks } = step.tables;
  const [spec] = tasks.specs(ns);
  const [result] = tasks.results(ns);
  const title = spec?.title ?? id;
  const row = tasks.get(Number(id.slice(1)));
  if (row !== undefined && row.state !== 'done') {
    // What it has of a result is not what was asked for.
    return {
      task: id,
      title,
      commit: null,
      summary: '',
      failed: row.note === null ? row.state : `${row.state}: ${row.note}`,
    };
  }
  return { task: id, title, commit: result?.commit_id ?? null, summary: result?.summary ?? '' };
}
