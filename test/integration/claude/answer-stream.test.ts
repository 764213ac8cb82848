import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'vitest';
import { turnsOf, type ScriptInput } from '../../support/messages-api.ts';
import { AnswerStream } from '../../../src/supervisor/watch/answer-stream.ts';
import type { AgentRecord } from '../../../src/supervisor/project/agent-record.ts';
import { eventually } from '../../support/eventually.ts';
import { openPane, type Pane } from './pane.ts';

const words = Array.from({ length: 2_000 }, (_, n) => `word ${n} of a long answer`).join(' ');
const slow: ScriptInput = { rules: [{ name: 'slow', contains: 'Do it', steps: [{ text: words, pieceDelayMs: 100 }] }] };
const hangs: ScriptInput = {
  rules: [
    {
      name: 'hangs',
      contains: 'Do it',
      steps: [{ fault: { kind: 'hang', after: 'start' }, times: null }, { text: 'never' }],
    },
  ],
};

/** Whether bytes of an answer are seen to arrive within a second. */
async function comesIn(pid: number): Promise<boolean> {
  // Wrapper and API are this process: for an agent without a program of its own, bytes for this process count.
  const agent = {
    id: 'worker-1',
    observed: { pane: { pid: 0 }, snapshot: { child: { pid } } },
    signs: {},
  } as unknown as AgentRecord;
  const watch = new AnswerStream({ now: () => Date.now(), everyMs: () => 0 });
  await watch.look([agent]);
  await pause(1_000);
  await watch.look([agent]);
  return agent.signs?.answerAt !== undefined;
}

async function asks(pane: Pane): Promise<number> {
  const { pid } = await pane.start({ prompt: 'Do it' });
  await eventually(() => turnsOf(pane.api).length, 'it asks').toBeGreaterThan(0);
  return pid;
}

test('a long answer that comes in is told from one that hangs', async () => {
  await using streaming = await openPane(slow);
  await using hanging = await openPane(hangs);
  const [slowly, never] = await Promise.all([asks(streaming), asks(hanging)]);
  await eventually(() => comesIn(never), 'nothing comes in', 100).toBe(false);
  await eventually(() => comesIn(slowly), 'an answer comes in', 100).toBe(true);
});
