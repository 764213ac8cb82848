import type { Agent, NeedsYou } from '../../api/agents/schemas.ts';
import type { Signs } from '../../health/index.ts';
import { usageOf, type AgentRecord } from '../project/agent-record.ts';

/** CPU and memory of an agent's process tree at the last sample. */
export type TreeUse = Pick<NonNullable<Signs['use']>, 'cpuPercent' | 'rssBytes'>;

/** The document of one agent, from the facts known now. */
export function agentDocument(record: AgentRecord, use: TreeUse | null): Agent {
  const { row, verdict } = record;
  const { snapshot, pane } = record.observed;
  const usage = usageOf(record);
  return {
    id: row.id,
    role: row.role,
    kind: row.kind,
    status: verdict.status,
    since: new Date(verdict.since).toISOString(),
    reason: verdict.reason,
    ...(snapshot?.permissionMode === undefined ? {} : { permissionMode: snapshot.permissionMode }),
    pid: snapshot?.child?.pid ?? null,
    session: pane?.session ?? null,
    pane: pane?.pane ?? null,
    worktree: record.worktree,
    portBase: record.portBase,
    branch: snapshot?.branch ?? null,
    task: snapshot?.tasks[0]?.task ?? null,
    sessionId: row.sessionId,
    restarts: row.restarts + (snapshot?.restarts ?? 0),
    checkpoint: snapshot?.checkpoint?.n ?? null,
    costUsd: usage.costUsd,
    tokens: usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheCreationTokens,
    contextPercent: snapshot?.contextPercent ?? null,
    cpuPercent: use?.cpuPercent ?? null,
    rssBytes: use?.rssBytes ?? null,
    lastActivityAt: snapshot?.lastProgressAt ?? null,
  };
}

/** Every question of this agent that waits for a person. */
export function openQuestions(record: AgentRecord): NeedsYou[] {
  if (record.lifecycle.phase === 'blocked') {
    const { gate, detail, since } = record.lifecycle;
    return [{ id: gate, agent: record.id, kind: gate, text: detail, task: null, since: new Date(since).toISOString() }];
  }
  const { linked, snapshot } = record.observed;
  if (!linked) return [];
  return (snapshot?.needsYou ?? []).map((item) => ({ ...item, agent: record.id }));
}

/** Text for the status line of the agent's pane, beside its name. */
export function paneLabel({ verdict: { status }, observed }: AgentRecord): string {
  const task = observed.snapshot?.tasks[0]?.task;
  return task === undefined ? status : `${status} · ${task}`;
}
