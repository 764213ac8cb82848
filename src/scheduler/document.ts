import { taskId } from '../domain/task-id.ts';
import { isFinal, isHeld } from '../domain/task-state.ts';
import type { Attempt, Task } from '../domain/task-document.ts';
import type { TaskState } from '../domain/task.ts';
import type { AttemptRow, PolicyRow, ResultRow, SpecRow, TaskRow } from '../store/task-rows.ts';
import { decodeLane } from './lane.ts';
import type { Tables } from './step.ts';

/** Rows read together: SQLite's parameters and the supervisor's memory have bounds. */
const CHUNK = 2_000;
/** Most dependencies that the reason for waiting names. */
const NAMED = 5;

type Sources = Pick<Tables, 'tasks' | 'attempts'>;

/** These tasks as people and programs see them, in the same order. `now` is for "retry in 12 s". */
export function taskDocuments(sources: Sources, rows: readonly TaskRow[], now: number): Task[] {
  const documents: Task[] = [];
  for (let at = 0; at < rows.length; at += CHUNK) documents.push(...chunkOf(sources, rows.slice(at, at + CHUNK), now));
  return documents;
}

export function taskDocument(sources: Sources, row: TaskRow, now: number): Task {
  const [document] = chunkOf(sources, [row], now);
  if (document === undefined) throw new Error(`task ${row.n} has no spec`);
  return document;
}

function chunkOf({ tasks, attempts }: Sources, rows: readonly TaskRow[], now: number): Task[] {
  const ns = JSON.stringify(rows.map(({ n }) => n));
  const specs = new Map(tasks.specs(ns).map((spec) => [spec.n, spec]));
  const found = tasks.results(ns);
  const notes = found.length === 0 ? new Map<number, string[]>() : tasks.resultNotes(ns);
  const results = new Map(found.map((result) => [result.n, { ...result, notes: notes.get(result.n) ?? [] }]));
  const policies = Map.groupBy(tasks.policies(ns), ({ task }) => task);
  const byTask = Map.groupBy(attempts.of(ns), ({ task }) => task);
  const waitedFor = new Set<number>();
  for (const row of rows) {
    const spec = specs.get(row.n);
    if (row.state === 'waiting' && spec !== undefined) for (const dep of dependenciesOf(spec)) waitedFor.add(dep);
  }
  const states = new Map(
    waitedFor.size === 0 ? [] : tasks.states(JSON.stringify([...waitedFor])).map(({ n, state }) => [n, state]),
  );
  return rows.flatMap((row) => {
    const spec = specs.get(row.n);
    if (spec === undefined) return [];
    return [assemble(row, spec, byTask.get(row.n) ?? [], results.get(row.n), policies.get(row.n) ?? [], states, now)];
  });
}

function dependenciesOf(spec: SpecRow): number[] {
  const after = JSON.parse(spec.after_tasks) as number[];
  return spec.on_task === null || after.includes(spec.on_task) ? after : [...after, spec.on_task];
}

function assemble(
  row: TaskRow,
  spec: SpecRow,
  attempts: readonly AttemptRow[],
  result: (ResultRow & { notes: string[] }) | undefined,
  policies: readonly PolicyRow[],
  states: ReadonlyMap<number, TaskState>,
  now: number,
): Task {
  const passed = new Set(policies.flatMap((policy) => (policy.passed === 1 ? [policy.dep] : [])));
  const waitsFor = dependenciesOf(spec).filter((dep) => !passed.has(dep));
  return {
    id: taskId(row.n),
    title: spec.title,
    kind: spec.kind,
    state: row.state,
    reason: row.state === 'waiting' ? waitingReason(waitsFor, states) : reasonOf(row, spec, attempts.at(-1), now),
    priority: spec.priority,
    prompt: spec.prompt,
    command: spec.command === null ? null : (JSON.parse(spec.command) as string[]),
    after: (JSON.parse(spec.after_tasks) as number[]).map(taskId),
    ...(policies.length === 0
      ? {}
      : { onFailure: Object.fromEntries(policies.map(({ dep, on_failure }) => [taskId(dep), on_failure])) }),
    on: spec.on_task === null ? null : taskId(spec.on_task),
    needs: JSON.parse(spec.needs) as string[],
    agent: spec.agent,
    timeoutMs: spec.timeout_ms,
    retries: spec.retries,
    verify: spec.verify,
    budgetUsd: spec.budget_usd,
    key: spec.key,
    createdAt: iso(spec.created_at),
    updatedAt: iso(row.updated_at),
    attempts: attempts.map(attemptDocument),
    result:
      result === undefined
        ? null
        : {
            summary: result.summary,
            commit: result.commit_id,
            branch: result.branch,
            costUsd: result.cost_usd,
            notes: result.notes,
          },
  };
}

function attemptDocument(row: AttemptRow): Attempt {
  return {
    n: row.n,
    agent: row.agent,
    startedAt: iso(row.started_at),
    endedAt: row.ended_at === null ? null : iso(row.ended_at),
    outcome: row.outcome,
    errorClass: row.error_class,
    error: row.error,
    sessionId: row.session_id || null,
  };
}

/**
 * Why a task waits for its dependencies. One that will never be done by itself is named alone, with the cure: a person
 * must see it.
 */
export function waitingReason(dependencies: readonly number[], states: ReadonlyMap<number, TaskState>): string {
  const open = dependencies.filter((dep) => states.get(dep) !== 'done');
  const stopped = open.find((dep) => isFinal(states.get(dep) ?? 'waiting'));
  if (stopped !== undefined) {
    return `waits for ${taskId(stopped)}, which is ${states.get(stopped)}: retry ${taskId(stopped)}, or cancel this task`;
  }
  const named = open.slice(0, NAMED).map(taskId).join(', ');
  return `waits for ${named}${open.length > NAMED ? ` and ${open.length - NAMED} more` : ''}`;
}

function reasonOf(row: TaskRow, spec: SpecRow, last: AttemptRow | undefined, now: number): string | null {
  if (isHeld(row.state))
    return row.cancelling === 1
      ? `is being cancelled on ${last?.agent ?? 'its agent'}`
      : `on ${last?.agent ?? 'an agent'}`;
  switch (row.state) {
    case 'retrying':
      return `retry in ${Math.max(0, Math.ceil(((row.due_at ?? now) - now) / 1_000))} s after: ${row.note ?? 'a failure'}`;
    case 'ready':
      return readyReason(row, spec, now);
    case 'dead':
    case 'cancelled':
      return row.note;
    default:
      return null;
  }
}

function readyReason(row: TaskRow, spec: SpecRow, now: number): string | null {
  const parts: string[] = [];
  if (row.note !== null) parts.push(row.note);
  const needs = JSON.parse(spec.needs) as string[];
  if (spec.agent !== null) parts.push(`only for ${spec.agent}`);
  if (needs.length > 0) parts.push(`needs ${needs.join(', ')}`);
  if (row.reserved_until !== null && row.reserved_until > now) {
    parts.push(
      `kept for ${decodeLane(row.lane).reservedFor ?? 'its agent'} for ${Math.ceil((row.reserved_until - now) / 1_000)} s`,
    );
  }
  return parts.length === 0 ? null : parts.join('; ');
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
