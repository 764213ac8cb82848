import { expect, test } from 'vitest';
import type { AgentRecord } from '../../../../src/supervisor/project/agent-record.ts';
import { CheckpointDesk, type CheckpointDeskDeps } from '../../../../src/supervisor/history/checkpoint-desk.ts';
import { SwarmError } from '../../../../src/domain/errors.ts';

test('a checkpoint of an agent that has not started says so, also while the agent is looked at', async () => {
  const record = { id: 'worker-1', worktree: '/nowhere/worker-1', observed: { linked: false } } as AgentRecord;
  const desk = new CheckpointDesk({
    layout: { gitCommonDir: '/nowhere/.git' },
    names: { agent: () => record },
    fleet: { alone: () => Promise.reject(new SwarmError('agent-away', 'something of it may run')) },
  } as unknown as CheckpointDeskDeps);
  await expect(desk.take({ id: 'worker-1', reason: 'manual' })).rejects.toMatchObject({ code: 'no-worktree' });
});
