import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { RemovedDocument } from '../../api/reversible-work/schemas.ts';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Finding } from '../../git/worktree/unsaved-work.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import type { Store } from '../../store/store.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Conversations } from './conversations.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Roster } from '../fleet/roster.ts';
import { ownerOf, reasonText, removeExamined, type RemovalOutcome } from './remove-worktree.ts';
import type { RemovedAgent } from './removed-agent.ts';
import { specFile } from '../fleet/agent-spec.ts';
import type { Teardown } from '../worktree/teardown.ts';
import { removedMeanwhile } from '../../domain/unknown-agent.ts';

export interface RemovalsDeps {
  layout: ProjectLayout;
  store: Store;
  fleet: Fleet;
  events: EventLog;
  roster: Pick<Roster, 'wants'>;
  limits: CheckpointLimits;
  conversations: Conversations;
  teardown: Teardown;
}

/** `rm`: stops an agent, examines and removes its worktree, and removes the agent from the roster. */
export class Removals {
  readonly #deps: RemovalsDeps;

  constructor(deps: RemovalsDeps) {
    this.#deps = deps;
  }

  /** @throws SwarmError `worktree-kept`: the agent is stopped, and everything of it still exists */
  async remove(record: AgentRecord, force: boolean): Promise<RemovedDocument> {
    const { fleet, store, roster, events } = this.#deps;
    const { desired } = record.row;
    await roster.wants(record, 'stopped');
    return await fleet.whileStopped(record, { name: 'its removal', leases: 'given-back' }, async () => {
      const known = store.agents.get(record.id);
      if (known === undefined) throw removedMeanwhile(record.id);
      const removed: RemovedAgent = { row: { ...known, desired }, worktrees: [] };
      const id = await store.write(() => store.operations.begin('rm', record.id, removed));
      const outcomes: RemovalOutcome[] = [];
      for (const worktree of await this.#worktreesOf(record))
        outcomes.push(await this.#removeOne(record, worktree, force));
      const kept = outcomes.filter((outcome) => !outcome.removed);
      if (kept.length > 0) {
        await store.write(() => store.operations.change(id, 'dropped', removed));
        events.emit('agent.kept', { agent: record.id, data: { why: kept.map(({ reasons }) => reasonText(reasons)) } });
        throw keptError(record.id, kept);
      }
      const worktrees = outcomes.map(({ worktree, checkpoint }) => ({ path: worktree, checkpoint }));
      await this.#forget(record, id, { ...removed, worktrees });
      return { agent: record.id, worktree: record.worktree, checkpoint: worktrees.at(-1)?.checkpoint ?? null };
    });
  }

  /** Ends the record of an `rm` that a kill cut short: its agent is stopped, and another `rm` goes on from there. */
  async settle(record: AgentRecord): Promise<void> {
    const { store } = this.#deps;
    for (const { id, kind, data } of store.operations.open(record.id)) {
      if (kind === 'rm') await store.write(() => store.operations.change(id, 'dropped', data));
    }
  }

  async #removeOne(record: AgentRecord, worktree: string, force: boolean): Promise<RemovalOutcome> {
    const { layout, limits, conversations, teardown } = this.#deps;
    const { sessionId } = record.row;
    return await removeExamined({
      layout,
      limits,
      worktree,
      agent: ownerOf(worktree).checkpoints,
      force,
      reason: 'before-rm',
      sessionId,
      transcriptUuid: await conversations.end(record.worktree, sessionId),
      teardown: () => teardown(worktree),
    });
  }

  /** The agent's own worktree last: while one of a slot is kept, the agent stays as it is. */
  async #worktreesOf(record: AgentRecord): Promise<string[]> {
    const all = await listWorktrees(this.#deps.layout.root);
    const slots = all
      .filter(({ path: place, missing }) => !missing && path.dirname(place) === path.dirname(record.worktree))
      .map(({ path: place }) => place)
      .filter((place) => place !== record.worktree && ownerOf(place).agent === record.id);
    return existsSync(record.worktree) ? [...slots, record.worktree] : slots;
  }

  async #forget(record: AgentRecord, operation: number, removed: RemovedAgent): Promise<void> {
    const { store, fleet, events, layout } = this.#deps;
    // In one batch: an agent is never removed without the means to restore it.
    await Promise.all([
      store.write(() => store.operations.change(operation, 'done', removed)),
      store.agents.remove(record.id),
    ]);
    fleet.remove(record.id);
    await rm(specFile(layout, record.id), { force: true });
    events.emit('agent.removed', {
      agent: record.id,
      data: { checkpoint: removed.worktrees.at(-1)?.checkpoint ?? null },
    });
  }
}

function keptError(agent: string, kept: readonly RemovalOutcome[]): SwarmError {
  const places = kept.map(({ worktree, reasons }) => `${worktree}: ${reasonText(reasons)}`).join('; ');
  return new SwarmError('worktree-kept', `${agent} is stopped, but nothing was removed: kept ${places}`, {
    hint: cure(
      agent,
      kept.flatMap(({ reasons }) => reasons),
    ),
  });
}

/** The cure for the first file that no checkpoint could hold, or for work that one can. Pure. */
export function cure(agent: string, reasons: readonly Finding[]): string {
  const kinds = new Set(reasons.map(({ kind }) => kind));
  const back = `\`swarm resume ${agent}\` goes on with it.`;
  if (kinds.has('process')) return `End that process, then run \`swarm rm ${agent}\` again; or ${back}`;
  if (kinds.has('lock'))
    return `Unlock it (\`git worktree unlock\`), or remove the lock of a git that was killed; or ${back}`;
  if (kinds.has('submodule')) return `Push or commit what is in the submodule; or ${back}`;
  if (kinds.has('nested-repository')) return `Move that elsewhere; or ${back}`;
  if (kinds.has('check-failed')) return `Mend that, then try again; or ${back}`;
  return `\`swarm rm ${agent} --force\` moves it to a checkpoint first; or ${back}`;
}
