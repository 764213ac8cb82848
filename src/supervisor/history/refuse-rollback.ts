import type { Checkpoint } from '../../checkpoint/tree/types.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { AgentRecord } from '../project/agent-record.ts';

type Held = NonNullable<AgentRecord['observed']['snapshot']>['tasks'][number];

/**
 * Refuses a rollback that would harm the attempt in hand. A checkpoint holds the branch too: brought back in the middle
 * of another task, that task's work would go on in the wrong place. A running command cannot go on in the middle, and a
 * result on its way must not be lost.
 */
export function refuseWhile(record: AgentRecord, checkpoint: Pick<Checkpoint, 'n' | 'task'>): void {
  const held = inHand(record);
  if (held === null) return;
  refuseBusy(record, held);
  const { task } = held;
  if (checkpoint.task === task) return;
  const whose = checkpoint.task === null ? 'belongs to no task' : `belongs to ${checkpoint.task}`;
  throw new SwarmError('other-task', `${record.id} works on ${task}, and checkpoint ${checkpoint.n} ${whose}`, {
    hint: `Pick one of ${task} (\`swarm checkpoint ls ${record.id}\`), or first: \`swarm task cancel ${task}\``,
  });
}

/** The same for the undo of a rollback, whose `safety` holds the files before it. */
export function refuseUndoWhile(record: AgentRecord, safety: Pick<Checkpoint, 'task' | 'begunTask'>): void {
  const held = inHand(record);
  if (held === null) return;
  refuseBusy(record, held);
  const { task } = held;
  if (safety.task === task || safety.begunTask === task) return;
  throw new SwarmError(
    'other-task',
    `${record.id} works on ${task}, and what was there before the rollback is not its`,
    {
      hint: `Wait for it (\`swarm task wait ${task}\`), or cancel it first: \`swarm task cancel ${task}\``,
      retrySafe: true,
    },
  );
}

/** The attempt in the agent's own worktree, the only one that is rolled back; null: none, or no wrapper is linked. */
function inHand({ observed: { linked, snapshot } }: AgentRecord): Held | null {
  return linked ? (snapshot?.tasks.find(({ slot }) => slot === 0) ?? null) : null;
}

function refuseBusy({ id, row }: AgentRecord, { task, phase }: Held): void {
  if (row.kind !== 'shell' && phase !== 'reporting') return;
  const why = phase === 'reporting' ? `the result of ${task} is just leaving` : `the command of ${task} runs`;
  throw new SwarmError('busy', `${why} in the worktree of ${id}`, {
    hint: `Wait for it (\`swarm task wait ${task}\`), or cancel it first: \`swarm task cancel ${task}\``,
    retrySafe: true,
  });
}
