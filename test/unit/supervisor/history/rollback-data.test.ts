import { expect, test } from 'vitest';
import { checkpoint } from '../../../../src/api/checkpoints/schemas.ts';
import type { Checkpoint } from '../../../../src/checkpoint/tree/types.ts';
import { checkpointDocument } from '../../../../src/checkpoint/refs/document.ts';
import {
  isBeforeTask,
  planConversation,
  type ConversationFacts,
  type ConversationPlan,
} from '../../../../src/supervisor/history/rollback-data.ts';

const point = { sessionId: 's1', uuid: 'u1' };
const facts: ConversationFacts = {
  kind: 'claude',
  filesOnly: false,
  n: 3,
  sessionId: 's2',
  point,
  beforeTask: false,
};

test.each<[string, Partial<ConversationFacts>, ConversationPlan]>([
  ['goes back to the point that the checkpoint names', {}, { how: 'cut', from: point }],
  ['stays where only files are asked for', { filesOnly: true }, { how: 'kept', sessionId: 's2' }],
  ['is none of an agent that runs commands', { kind: 'shell' }, { how: 'none' }],
  [
    'begins anew where the checkpoint knows of none',
    { point: null },
    { how: 'fresh', why: 'at checkpoint 3 there was no conversation yet' },
  ],
  [
    'begins anew where nothing had been said',
    { point: { sessionId: 's1', uuid: null } },
    { how: 'fresh', why: 'at checkpoint 3 there was no conversation yet' },
  ],
  [
    'begins anew before the first word of the task in hand',
    { beforeTask: true },
    { how: 'fresh', why: 'checkpoint 3 is from before the first word of the task' },
  ],
  [
    'begins anew there also where only files are asked for: they are not those of the task',
    { beforeTask: true, filesOnly: true },
    { how: 'fresh', why: 'checkpoint 3 is from before the first word of the task' },
  ],
])('the conversation %s', (_name, some, plan) => {
  expect(planConversation({ ...facts, ...some })).toEqual(plan);
});

test('a checkpoint is of a task once its worktree was prepared for it, whichever agent held it then', () => {
  expect(isBeforeTask({ begunTask: 't7' }, 't7')).toBe(false);
  expect(isBeforeTask({ begunTask: 't6' }, 't7')).toBe(true);
  expect(isBeforeTask({ begunTask: null }, 't7')).toBe(true);
});

test('what swarm alone needs to know of a checkpoint is in none of its documents', () => {
  const all = { ...checkpoint.shape, meta: '', state: '', damaged: null, begunTask: 't7' };
  expect(Object.keys(checkpointDocument(all as unknown as Checkpoint))).toEqual(Object.keys(checkpoint.shape));
});
