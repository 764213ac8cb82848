import { describe, expect, test } from 'vitest';
import { ClaudeAgent, type ClaudeAgentDeps } from '../../../src/wrapper/claude/claude-agent.ts';
import { AgentState } from '../../../src/wrapper/contract/state.ts';
import { ModelAccess } from '../../../src/wrapper/claude/model-access.ts';
import type { WrapperSnapshot } from '../../../src/coordination/link.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { silentLog } from './support.ts';

const LONGEST_WAIT_MS = 500;

/** An agent whose every start is counted and fails. */
interface Room {
  agent: ClaudeAgent;
  clock: ManualClock;
  access: ModelAccess;
  state: AgentState;
  starts(): number;
}

async function openAgent(idle: 'eager' | 'lazy', blinding: { text: string | null } = { text: null }): Promise<Room> {
  const clock = new ManualClock();
  let starts = 0;
  const restart = { policy: 'temporary', intensity: 1, windowMs: 1, backoffMs: 1, backoffMaxMs: 1 };
  const checkpoints = { before: [] };
  const place = { agent: 'worker-1', project: 'p', worktree: '/nowhere' };
  const spec = { ...place, idle, stopGraceMs: 1, restart, unanswered: {}, checkpoints };
  const state = new AgentState({ sessionId: null, failure: null, restarts: 0 } as WrapperSnapshot);
  const access = new ModelAccess({ state, linked: () => true, clock });
  const agent = await ClaudeAgent.open({
    spec,
    access,
    terminal: { printed: () => Promise.resolve('') },
    openEndpoint: () => Promise.resolve({}),
    launch: () => {
      starts += 1;
      return Promise.reject(new Error('not in this test'));
    },
    transcript: async () => '/nowhere/transcript.jsonl',
    sessionExists: () => Promise.resolve(false),
    hasPrompt: () => Promise.resolve(false),
    blinding: async () => blinding.text,
    processes: { identity: () => null, endMarked: () => Promise.resolve(), endWork: () => Promise.resolve(0) },
    state,
    event: () => undefined,
    reconsider: () => undefined,
    clock,
    log: silentLog,
  } as unknown as ClaudeAgentDeps);
  return { agent, clock, access, state, starts: () => starts };
}

describe('an idle process for the person', () => {
  test('is started as soon as there is known to be no task', async () => {
    const { agent, starts } = await openAgent('eager');
    agent.begin();
    await settle();
    expect(starts()).toBe(0);
    agent.nothingToDo();
    await settle();
    expect(starts()).toBe(1);
  });

  test('is not started while settings of Claude Code would blind swarm, which a person is told', async () => {
    const blinding: { text: string | null } = { text: 'disableAllHooks in /w/.claude/settings.json' };
    const { agent, clock, state, starts } = await openAgent('eager', blinding);
    agent.begin();
    await clock.advance(LONGEST_WAIT_MS);
    expect(starts()).toBe(0);
    expect(state.current.needsYou).toMatchObject([{ kind: 'settings', text: blinding.text }]);
    expect(() => agent.answer({ do: 'answer', needsYou: null, decision: 'allow', text: null })).toThrow(
      'nothing waits for an answer',
    );
    blinding.text = null;
    await clock.advance(LONGEST_WAIT_MS + 2_000);
    expect(starts()).toBe(1);
    expect(state.current.needsYou).toEqual([]);
  });

  test('is started once, however often nothing is to be done, and after a while without a word of it', async () => {
    const { agent, clock, starts } = await openAgent('eager');
    agent.begin();
    await clock.advance(LONGEST_WAIT_MS);
    expect(starts()).toBe(1);
    agent.nothingToDo();
    agent.nothingToDo();
    await settle();
    expect(starts()).toBe(1);
  });

  test('is not started where the agent is to be lazy', async () => {
    const { agent, clock, starts } = await openAgent('lazy');
    agent.begin();
    agent.nothingToDo();
    await clock.advance(LONGEST_WAIT_MS);
    expect(starts()).toBe(0);
  });
});
