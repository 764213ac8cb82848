import { expect, test } from 'vitest';
import { Attempt } from '../../../../src/wrapper/task/attempt.ts';
import { ClaudeAgent, type ClaudeAgentDeps, type EndpointEars } from '../../../../src/wrapper/claude/claude-agent.ts';
import { ModelAccess } from '../../../../src/wrapper/claude/model-access.ts';
import type { WhyCapture, Workspace } from '../../../../src/wrapper/contract/effects.ts';
import type { ClaudeEvent } from '../../../../src/claude/index.ts';
import { AgentState } from '../../../../src/wrapper/contract/state.ts';
import type { WrapperSnapshot } from '../../../../src/coordination/link.ts';
import type { TaskOrder } from '../../../../src/coordination/messages.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { silentLog } from '../support.ts';

/** A Claude Code of which only the tool calls exist, and their effects. */
async function listening() {
  const clock = new ManualClock();
  const state = new AgentState({
    sessionId: null,
    failure: null,
    restarts: 0,
    tasks: [],
  } as unknown as WrapperSnapshot);
  const told: (string | null)[] = [];
  const captured: unknown[] = [];
  let ears: EndpointEars | undefined;
  const agent = await ClaudeAgent.open({
    spec: { agent: 'worker-1', project: 'p', worktree: '/nowhere', checkpoints: { before: [] } },
    access: new ModelAccess({ state, linked: () => true, clock }),
    workspace: {
      capture: async ({ reason, task }: WhyCapture) => {
        captured.push([reason, task]);
        return { n: 1 };
      },
    },
    openEndpoint: (heard: EndpointEars) => {
      ears = heard;
      return Promise.resolve({});
    },
    state,
    event: (_name: string, task: string | null) => told.push(task),
    clock,
    log: silentLog,
  } as unknown as ClaudeAgentDeps);
  const order = { task: 't2', attempt: 1, slot: 0, title: 'two', budgetUsd: null } as unknown as TaskOrder;
  const attempt = new Attempt(order, {} as Workspace, '');
  agent.body(attempt);
  if (ears === undefined) throw new Error('no endpoint is open');
  return { ears, attempt, told, captured };
}

test('what a conversation from before a task says by its tools is not said of the task', async () => {
  const { ears, attempt, told } = await listening();
  // The attempt waits for the end of a turn that a person has begun in the pane, in the conversation of the task
  // before.
  const done = () => ears.tools.complete_task({ summary: 'the first task' });
  expect(done).toThrow('There is no task now');
  await ears.tools.report_progress({ text: 'of the first task' });
  expect(told).toEqual([null]);

  attempt.sessionId = 'its-own';
  await expect(done()).resolves.toContain('Noted');
  await ears.tools.report_progress({ text: 'of the second task' });
  expect(told).toEqual([null, 't2']);
});

test('a turn that a person began before a task ends in a checkpoint of its own', async () => {
  const { ears, attempt, captured } = await listening();
  const ended = { type: 'turn-ended', lastMessage: null, at: '' } as unknown as ClaudeEvent;
  ears.onEvent(ended);
  await settle();
  expect(captured).toEqual([['turn-end', null]]);
  // The checkpoint at the end of a task's turn is taken by its attempt.
  attempt.sessionId = 'its-own';
  ears.onEvent(ended);
  await settle();
  expect(captured).toHaveLength(1);
});
