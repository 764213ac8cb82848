import { expect, test } from 'vitest';
import { Attempt, type TaskBody } from '../../../../src/wrapper/task/attempt.ts';
import { liveAttempt, type AttemptDeps } from '../../../../src/wrapper/task/run-attempt.ts';
import type { WhyCapture, Workspace } from '../../../../src/wrapper/contract/effects.ts';
import type { TaskOrder } from '../../../../src/coordination/messages.ts';
import type { BegunTask } from '../../../../src/git/worktree/worktree-task.ts';
import { SurvivorsError } from '../../../../src/worktree/survivors.ts';
import { SwarmError } from '../../../../src/domain/errors.ts';
import { NO_USAGE } from '../../../../src/domain/agent.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { silentLog } from '../support.ts';

const captured = { n: 1, commit: 'c', tree: 't', created: true };
const prepared = {
  branch: 'swarm/task/t1',
  commit: 'c',
  conflict: null,
  leftovers: [],
  aside: [],
  notes: [],
  submodules: false,
};

interface Found {
  resumed: boolean | null;
  session: string | null;
  prepared: number;
  noted: BegunTask[];
  /** The conversation of the checkpoint at its start. */
  kept: string | null;
}

/** The outcome of an order to go on (attempt 4 of `t1`) in a worktree with this begun task. */
async function goneOn(begun: BegunTask | null, since = 0, told = true): Promise<Found> {
  const found: Found = { resumed: null, session: null, prepared: 0, noted: [], kept: null };
  const workspace = {
    path: '/repo.swarm/worker-1',
    ensure: async () => undefined,
    relink: async () => null,
    capture: async ({ reason, sessionId }: WhyCapture) => {
      if (reason === 'task-start') found.kept = sessionId;
      return captured;
    },
    begunTask: async () => begun,
    begun: async ({ task, attempt }: BegunTask, sessionId: string | null) => {
      found.noted.push({ task, attempt, sessionId });
    },
    prepare: async () => {
      found.prepared += 1;
      return prepared;
    },
    commit: async () => ({ commit: 'd', branch: 'swarm/task/t1', unresolved: [], notes: [] }),
  } as unknown as Workspace;
  const resume = { sessionId: since === 0 ? 's' : null, since, reason: 'its wrapper died' };
  const order = { task: 't1', attempt: 4, slot: 0, resume, timeoutMs: null, verify: null } as unknown as TaskOrder;
  const body: TaskBody = {
    resolvesConflicts: true,
    work: async ({ resumed, sessionId }) => {
      found.resumed = resumed;
      found.session = sessionId;
      return { kind: 'done', summary: '' };
    },
    mend: async () => null,
    ready: async () => undefined,
    wasTold: async () => told,
    sessionId: () => 'before',
    usage: async () => ({ ...NO_USAGE }),
  };
  const { outcome } = await liveAttempt(new Attempt(order, workspace, ''), body, {
    spec: { project: 'p', agent: 'worker-1', stopGraceMs: 100 },
    env: () => ({}),
    state: { setTask: () => undefined, update: () => undefined },
    event: () => undefined,
    clock: new ManualClock(),
    log: silentLog,
  } as unknown as AttemptDeps);
  expect(outcome).toBe('done');
  return found;
}

test('an attempt goes on only where the worktree is that of its task', async () => {
  const goesOn = { resumed: true, prepared: 0, session: 's', kept: 's' };
  const begins = { resumed: false, prepared: 1, session: null, noted: [], kept: 'before' };
  const own = { task: 't1', attempt: 3, sessionId: 's' };
  const noted = [{ ...own, attempt: 4 }];
  expect(await goneOn(own)).toEqual({ ...goesOn, noted });
  expect(await goneOn({ ...own, attempt: 1 })).toEqual({ ...goesOn, noted });
  // The attempt before died while it prepared: the worktree is at the branch of another task.
  expect(await goneOn({ ...own, task: 't0' })).toEqual(begins);
  expect(await goneOn(null)).toEqual(begins);
  // Wrapper and supervisor died before the supervisor had heard of a first prompt.
  expect(await goneOn(own, 2)).toEqual({ ...goesOn, noted });
  expect(await goneOn({ ...own, attempt: 2 }, 2)).toEqual({ ...goesOn, noted });
  // The worktree's task is older than the one to go on with: another agent had it since, or it began anew.
  expect(await goneOn({ ...own, attempt: 1 }, 2)).toEqual(begins);
  expect(await goneOn({ ...own, attempt: 0 }, 1)).toEqual(begins);
  // They died before the first prompt was said.
  expect(await goneOn(own, 2, false)).toEqual(begins);
});

test.each([
  ['an attempt of which something cannot be ended', 'p/runner-1/t1/1', 'work'],
  ['an attempt on an agent of which something from before cannot be ended', 'p/runner-1', 'ready'],
] as const)('%s is not over before that is gone', async (_name, mark, when) => {
  const clock = new ManualClock();
  const asked: string[] = [];
  const events: string[] = [];
  let survivors = true;
  const endMarked = async (prefix: string): Promise<void> => {
    asked.push(prefix);
    if (survivors && prefix === mark) throw new SurvivorsError(prefix, [4711]);
  };
  const workspace = {
    path: '/repo.swarm/runner-1',
    ensure: async () => undefined,
    relink: async () => null,
    capture: async () => captured,
    prepare: async () => prepared,
  } as unknown as Workspace;
  const order = {
    task: 't1',
    attempt: 1,
    slot: 0,
    resume: null,
    timeoutMs: null,
    verify: null,
  } as unknown as TaskOrder;
  const body: TaskBody = {
    resolvesConflicts: false,
    work: async () => {
      if (when === 'work') await endMarked(mark);
      return { kind: 'done', summary: '' };
    },
    mend: async () => null,
    wasTold: async () => false,
    ready: async () => {
      if (when === 'ready') await endMarked(mark);
    },
    sessionId: () => null,
    usage: async () => ({ ...NO_USAGE }),
  };
  let over: string | null = null;
  const life = liveAttempt(new Attempt(order, workspace, ''), body, {
    spec: { project: 'p', agent: 'runner-1', stopGraceMs: 100 },
    env: () => ({}),
    processes: { endMarked },
    state: { setTask: () => undefined, update: () => undefined },
    event: (name: string) => events.push(name),
    clock,
    log: silentLog,
  } as unknown as AttemptDeps).then((result) => (over = result.outcome));
  await settle();
  await clock.advance(600_000);
  expect(over, 'no agent may begin it again while a process of it lives').toBeNull();
  expect(new Set(asked)).toEqual(new Set([mark]));
  expect(events).toEqual(['task.survivors']);
  survivors = false;
  await clock.advance(10_000);
  await life;
  expect(over).toBe('failed');
  expect(clock.pending).toBe(0);
});

/** The end of an attempt whose result is to be verified with this program, and whether any work was done for it. */
async function verifiedWith(
  program: string,
): Promise<{ worked: boolean; outcome: string; errorClass: string | null; error: string | null }> {
  const workspace = {
    path: '/usr',
    ensure: async () => undefined,
    relink: async () => null,
    begunTask: async () => null,
    capture: async () => captured,
    prepare: async () => prepared,
    commit: async () => ({ commit: 'd', branch: 'swarm/task/t1', unresolved: [], notes: [] }),
  } as unknown as Workspace;
  const verify = { name: 'check', argv: [program] };
  const order = { task: 't1', attempt: 1, slot: 0, resume: null, timeoutMs: null, verify } as unknown as TaskOrder;
  let worked = false;
  const body: TaskBody = {
    resolvesConflicts: true,
    work: async () => {
      worked = true;
      return { kind: 'given-back', error: 'its agent cannot be started' };
    },
    mend: async () => null,
    wasTold: async () => false,
    ready: async () => undefined,
    sessionId: () => null,
    usage: async () => ({ ...NO_USAGE }),
  };
  const { outcome, errorClass, error } = await liveAttempt(new Attempt(order, workspace, ''), body, {
    spec: { project: 'p', agent: 'worker-1', stopGraceMs: 100 },
    env: () => ({ PATH: '/usr/bin:/bin' }),
    state: { setTask: () => undefined, update: () => undefined },
    event: () => undefined,
    clock: new ManualClock(),
    log: silentLog,
  } as unknown as AttemptDeps);
  return { worked, outcome, errorClass, error };
}

test('a task whose verify command cannot be started fails before any work is done for it, and is not tried again', async () => {
  expect(await verifiedWith('no-such-check')).toEqual({
    worked: false,
    outcome: 'failed',
    errorClass: 'program',
    error:
      'no-such-check cannot be started: there is no such program on PATH.\nInstall it, or correct verify.check in swarm.yaml. Then `swarm task retry t1`.',
  });
});

test('a verify command in the worktree is the task to make; an agent that cannot be started gives the task back', async () => {
  expect(await verifiedWith('./not-made-yet')).toEqual({
    worked: true,
    outcome: 'released',
    errorClass: null,
    error: 'its agent cannot be started',
  });
});

test('what only a person can put right in the repository is told with its cure, and counts as such', async () => {
  const cause = { hint: 'Rename it.', lasting: true };
  const workspace = {
    path: '/repo.swarm/runner-1',
    ensure: async () => undefined,
    relink: async () => null,
    capture: async () => captured,
    prepare: async () => {
      throw new SwarmError('task-branches-blocked', 'a branch is called swarm', cause);
    },
  } as unknown as Workspace;
  const order = { task: 't1', attempt: 1, slot: 0, resume: null, timeoutMs: null, verify: null };
  const body = { ready: async () => undefined, sessionId: () => null, usage: async () => NO_USAGE };
  const attempt = new Attempt(order as unknown as TaskOrder, workspace, '');
  const result = await liveAttempt(
    attempt,
    body as unknown as TaskBody,
    {
      spec: { project: 'p', agent: 'runner-1' },
      state: { setTask: () => undefined, update: () => undefined },
      clock: new ManualClock(),
      log: silentLog,
    } as unknown as AttemptDeps,
  );
  expect(result).toMatchObject({
    outcome: 'failed',
    errorClass: 'repository',
    error: 'a branch is called swarm.\nRename it. Then `swarm task retry t1`.',
  });
});
