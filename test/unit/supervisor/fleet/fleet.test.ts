import { describe, expect, test, vi } from 'vitest';
import { errorText } from '../../../../src/domain/errors.ts';
import type { Order } from '../../../../src/coordination/link.ts';
import type { AgentRecord, PaneView } from '../../../../src/supervisor/project/agent-record.ts';
import { DeathsMemory } from '../../../../src/supervisor/fleet/deaths-memory.ts';
import { Fleet } from '../../../../src/supervisor/fleet/fleet.ts';
import {
  decide,
  SILENCE_LIMIT_MS,
  type Action,
  type Lifecycle,
  type Situation,
  type PaneFact,
} from '../../../../src/supervisor/project/lifecycle.ts';
import type { Runner, StopPurpose } from '../../../../src/supervisor/fleet/pane-command.ts';
import { Store } from '../../../../src/store/store.ts';
import { type AnyRecord, BEGIN, events, pane, record, settled, silentLog, snapshot, Time } from '../kit.ts';

const REMOVAL: StopPurpose = { name: 'its removal', leases: 'given-back' };
const ALIVE: PaneFact = { dead: false, ending: null };
const DEAD: PaneFact = { dead: true, ending: 'exit 1' };
const PHASES: Record<Lifecycle['phase'], Lifecycle> = {
  none: { phase: 'none', since: BEGIN },
  blocked: { phase: 'blocked', since: BEGIN, lookAgainAt: BEGIN + 3_000, gate: 'trust', detail: 'trust?' },
  waiting: { phase: 'waiting', since: BEGIN, for: 'turn', detail: 'others start' },
  preparing: { phase: 'preparing', since: BEGIN },
  starting: { phase: 'starting', since: BEGIN },
  up: { phase: 'up', since: BEGIN },
  recovering: { phase: 'recovering', since: BEGIN, detail: 'died' },
  due: { phase: 'due', since: BEGIN, detail: 'after its rollback' },
  backoff: { phase: 'backoff', since: BEGIN, until: BEGIN + 3_000, of: 'start', detail: 'died' },
  stopping: { phase: 'stopping', since: BEGIN },
  failed: { phase: 'failed', since: BEGIN, detail: 'died too often' },
};

function observed(phase: Lifecycle['phase'] | Lifecycle, fields: Partial<Situation> = {}): Situation {
  const lifecycle = typeof phase === 'string' ? PHASES[phase] : phase;
  return { lifecycle, pane: null, linked: false, silentSince: BEGIN, busy: false, startHeld: false, ...fields };
}

function verb(action: Action | null): string {
  if (action === null) return '-';
  return action.do === 'settle' ? action.lifecycle.phase : action.do;
}

describe('the next step of one agent', () => {
  //                                     none     blocked  waiting  preparing starting   up         recovering due      backoff  stopping failed
  const columns = Object.keys(PHASES) as Lifecycle['phase'][];
  const table: readonly [string, Partial<Situation>, 'up' | 'stopped', string][] = [
    ['wanted up, no pane', {}, 'up', 'start - start - recover recover - start - - -'],
    ['wanted up, its pane lives, silent for a moment', { pane: ALIVE }, 'up', 'starting - start - - - - start - - -'],
    [
      'wanted up, its pane lives and it is linked',
      { pane: ALIVE, linked: true },
      'up',
      'up - start - up - - start - - -',
    ],
    ['wanted up, its pane is dead', { pane: DEAD }, 'up', 'recover - start - recover recover - start - - -'],
    [
      'wanted up, its pane is dead, its link not yet closed',
      { pane: DEAD, linked: true },
      'up',
      'recover - start - recover recover - start - - -',
    ],
    ['wanted up, something is under way', { busy: true }, 'up', '- - - - - - - - - - -'],
    ['unwanted, no pane', {}, 'stopped', '- stop stop stop stop stop stop stop stop stop stop'],
    ['unwanted, its pane lives', { pane: ALIVE }, 'stopped', 'stop stop stop stop stop stop stop stop stop stop stop'],
    ['unwanted, its pane is dead', { pane: DEAD }, 'stopped', 'stop stop stop stop stop stop stop stop stop stop stop'],
    [
      'unwanted, linked without a pane',
      { linked: true },
      'stopped',
      'stop stop stop stop stop stop stop stop stop stop stop',
    ],
    ['unwanted, something is under way', { busy: true, pane: ALIVE }, 'stopped', '- - - - - - - - - - -'],
  ];

  test.each(table)('%s', (_name, fields, desired, expected) => {
    const now = BEGIN + 1_000;
    const verbs = columns.map((phase) => verb(decide(desired, observed(phase, fields), now)));
    expect(verbs.join(' ')).toBe(expected);
  });

  test('paused is up as far as processes go', () => {
    expect(verb(decide('paused', observed('none'), BEGIN))).toBe('start');
  });

  test('a wait ends at its time, not before', () => {
    expect(verb(decide('up', observed('backoff'), BEGIN + 2_999))).toBe('-');
    expect(verb(decide('up', observed('backoff'), BEGIN + 3_000))).toBe('start');
    expect(verb(decide('up', observed('blocked'), BEGIN + 3_000))).toBe('start');
  });

  test('an end that failed is tried again after its pause, even where no pane is left', () => {
    const failed: Lifecycle = {
      phase: 'backoff',
      since: BEGIN,
      until: BEGIN + 1_000,
      of: 'stop',
      detail: 'a process in the kernel',
    };
    expect(verb(decide('stopped', observed(failed, { pane: ALIVE }), BEGIN + 999))).toBe('-');
    expect(verb(decide('stopped', observed(failed), BEGIN + 1_000))).toBe('stop');
  });

  test('a wrapper that says nothing for twenty seconds is replaced, and one second earlier is not', () => {
    const silent = observed('up', { pane: ALIVE });
    expect(verb(decide('up', silent, BEGIN + SILENCE_LIMIT_MS))).toBe('-');
    expect(decide('up', silent, BEGIN + SILENCE_LIMIT_MS + 1)).toMatchObject({
      do: 'recover',
      detail: expect.stringContaining('20 s') as string,
    });
  });

  test('says how a dead wrapper ended', () => {
    expect(decide('up', observed('up', { pane: DEAD }), BEGIN)).toMatchObject({ detail: 'its wrapper ended (exit 1)' });
    expect(decide('up', observed('up'), BEGIN)).toMatchObject({ detail: 'its tmux session is gone' });
  });
});

type Step = 'start' | 'recover' | 'stop';

function scene(store = Store.memory()) {
  const time = new Time();
  const seen = events();
  const calls: string[] = [];
  const orders: Order[] = [];
  const panes = new Map<string, PaneView>();
  /** Steps that are under way, until the test ends them. */
  const open: { step: Step; id: string; end: PromiseWithResolvers<Lifecycle> }[] = [];
  const look = vi.fn(async () => new Map(panes));
  const step =
    (name: Step) =>
    (agent: AgentRecord): Promise<Lifecycle> => {
      calls.push(`${name} ${agent.id}`);
      const end = Promise.withResolvers<Lifecycle>();
      open.push({ step: name, id: agent.id, end });
      return end.promise;
    };
  const runner: Runner = {
    start: step('start'),
    recover: step('recover'),
    stop: step('stop'),
    afterFailure: (_agent, error) => ({
      phase: 'backoff',
      since: time.now(),
      until: time.now() + 2_000,
      of: 'start',
      detail: errorText(error),
    }),
  };
  const fleet = new Fleet({
    log: silentLog,
    events: seen.log,
    now: time.now,
    memory: new DeathsMemory({ store, log: silentLog }),
  });
  fleet.use({ runner, look, order: async (_agent, order) => void orders.push(order) });
  return {
    time,
    seen,
    calls,
    orders,
    panes,
    open,
    look,
    fleet,
    /** One look and its consequences. */
    async turn(): Promise<void> {
      fleet.wake();
      await settled();
    },
    async end(lifecycle: Lifecycle | Error): Promise<void> {
      const first = open.shift();
      if (lifecycle instanceof Error) first?.end.reject(lifecycle);
      else first?.end.resolve(lifecycle);
      await settled();
    },
    phase: (id = 'worker-1') => fleet.get(id)?.lifecycle.phase,
  };
}

describe('the reconcile loop', () => {
  test('starts agents that are wanted and not there, one step at a time', async () => {
    const w = scene();
    w.fleet.add(record());
    await w.turn();
    await w.turn();
    expect(w.calls).toEqual(['start worker-1']);
    w.panes.set('worker-1', pane());
    await w.end({ phase: 'starting', since: w.time.now() });
    expect(w.phase()).toBe('starting');
    w.fleet.connected('worker-1', snapshot());
    expect(w.phase()).toBe('up');
    await w.turn();
    expect(w.calls).toEqual(['start worker-1']);
  });

  test('a wrapper that says hello before tmux was asked is adopted, not replaced', async () => {
    const w = scene();
    const asked = Promise.withResolvers<Map<string, PaneView>>();
    w.look.mockReturnValueOnce(asked.promise);
    w.fleet.add(record());
    w.fleet.connected('worker-1', snapshot());
    await settled();
    expect(w.calls).toEqual([]);
    asked.resolve(new Map([['worker-1', pane()]]));
    await settled();
    expect(w.calls).toEqual([]);
    expect(w.phase()).toBe('up');
  });

  test('is not quiet before tmux was asked once', async () => {
    const w = scene();
    w.look.mockRejectedValue(new Error('no answer'));
    w.fleet.add(record());
    w.fleet.goDown();
    await settled();
    expect(w.fleet.quiet).toBe(false);
    w.look.mockResolvedValue(new Map());
    await w.turn();
    expect(w.fleet.quiet).toBe(true);
  });

  test('a failing look is no fact about the agents', async () => {
    const w = scene();
    w.panes.set('worker-1', pane());
    w.fleet.add(record());
    w.fleet.connected('worker-1', snapshot());
    await w.turn();
    expect(w.phase()).toBe('up');
    w.look.mockRejectedValueOnce(new Error('tmux hangs'));
    await w.turn();
    expect(w.calls).toEqual([]);
    expect(w.phase()).toBe('up');
  });

  test('a look that began before a start was over does not undo that start', async () => {
    const w = scene();
    w.fleet.add(record());
    await w.turn();
    const stale = Promise.withResolvers<Map<string, PaneView>>();
    w.look.mockReturnValueOnce(stale.promise);
    w.fleet.wake();
    await settled();
    w.panes.set('worker-1', pane());
    await w.end({ phase: 'starting', since: w.time.now() });
    stale.resolve(new Map());
    await settled();
    expect(w.calls).toEqual(['start worker-1']);
    expect(w.phase()).toBe('starting');
    w.fleet.connected('worker-1', snapshot());
    expect(w.phase()).toBe('up');
  });

  test('a hello right after a start is not judged by the earlier pane', async () => {
    const w = scene();
    w.fleet.add(record());
    await w.turn();
    const slow = Promise.withResolvers<Map<string, PaneView>>();
    w.look.mockReturnValue(slow.promise);
    await w.end({ phase: 'starting', since: w.time.now() });
    w.fleet.connected('worker-1', snapshot());
    await settled();
    expect(w.calls).toEqual(['start worker-1']);
    slow.resolve(new Map([['worker-1', pane()]]));
    await settled();
    expect(w.phase()).toBe('up');
  });

  test('a step that throws is tried again later and told once', async () => {
    const w = scene();
    w.fleet.add(record());
    await w.turn();
    await w.end(new Error('no space left'));
    expect(w.phase()).toBe('backoff');
    expect(w.seen.all).toMatchObject([
      { name: 'agent.step-failed', data: { action: 'start', detail: 'no space left' } },
    ]);
    w.time.pass(2_000);
    await w.turn();
    await w.end(new Error('no space left'));
    expect(w.calls).toEqual(['start worker-1', 'start worker-1']);
    expect(w.seen.names()).toEqual(['agent.step-failed']);
  });

  test('a pause is ordered until the snapshot shows it, and an agent that is being stopped is not told to resume', async () => {
    const w = scene();
    w.panes.set('worker-1', pane());
    w.fleet.add(record('worker-1', { desired: 'paused' }));
    w.fleet.connected('worker-1', snapshot());
    await w.turn();
    expect(w.orders.map((order) => order.do)).toContain('pause');
    w.fleet.observed('worker-1', snapshot('worker-1', { paused: true }));
    w.orders.length = 0;
    w.fleet.goDown();
    await w.turn();
    expect(w.calls).toEqual(['stop worker-1']);
    await w.turn();
    expect(w.orders).toEqual([]);
  });

  test('down stops all and is quiet in the end; up in between starts them again', async () => {
    const w = scene();
    w.panes.set('worker-1', pane());
    w.fleet.add(record());
    w.fleet.connected('worker-1', snapshot());
    await w.turn();
    w.fleet.goDown();
    await settled();
    expect(w.calls).toEqual(['stop worker-1']);
    expect(w.fleet.quiet).toBe(false);
    w.fleet.goUp();
    w.fleet.disconnected('worker-1');
    w.panes.clear();
    await w.end({ phase: 'none', since: w.time.now() });
    await w.turn();
    expect(w.calls).toEqual(['stop worker-1', 'start worker-1']);
  });

  test('after close nothing is looked at or begun any more', async () => {
    const w = scene();
    w.fleet.add(record());
    await w.turn();
    const closed = w.fleet.close(10_000);
    await w.end({ phase: 'none', since: w.time.now() });
    await closed;
    w.look.mockClear();
    w.fleet.disconnected('worker-1');
    w.fleet.wake();
    await settled();
    expect(w.look).not.toHaveBeenCalled();
    expect(w.calls).toEqual(['start worker-1']);
  });

  test('close waits for steps under way, though not for ever', async () => {
    const w = scene();
    w.fleet.add(record());
    await w.turn();
    await w.fleet.close(1);
    expect(w.open).toHaveLength(1);
  });

  test('what was given up is tried at once when a person asks, though not while something is under way', async () => {
    const w = scene();
    w.panes.set('worker-1', pane({ dead: true, status: 1 }));
    const agent = record();
    agent.lifecycle = { phase: 'failed', since: BEGIN, detail: 'died too often' };
    agent.deaths = [BEGIN];
    w.fleet.add(agent);
    await w.turn();
    expect(w.calls).toEqual([]);
    w.fleet.revive(agent);
    await w.turn();
    // Started, not reported dead a second time.
    expect(w.calls).toEqual(['start worker-1']);
    expect(agent.deaths).toEqual([]);
    w.fleet.revive(agent);
    await w.turn();
    expect(w.calls).toEqual(['start worker-1']);
  });

  test('what keeps an agent is looked at anew when a person asks in the middle of a look, and is no answer until then', async () => {
    const w = scene();
    const agent = record();
    const blocked: Lifecycle = {
      phase: 'blocked',
      since: BEGIN,
      lookAgainAt: BEGIN + 3_000,
      gate: 'login',
      detail: 'log in',
    };
    agent.lifecycle = { ...blocked, lookAgainAt: BEGIN };
    w.fleet.add(agent);
    await w.turn();
    expect([w.calls, w.phase()]).toEqual([['start worker-1'], 'blocked']);
    w.fleet.revive(agent);
    expect(w.phase()).toBe('due');
    // It had looked before the person logged in.
    await w.end(blocked);
    expect(w.calls).toEqual(['start worker-1', 'start worker-1']);
    expect(w.phase()).toBe('due');
    await w.end(blocked);
    expect([w.calls.length, w.phase()]).toEqual([2, 'blocked']);
  });

  test('what its own wrapper has given up is tried again when it is wanted up once more', async () => {
    const w = scene();
    const agent = record();
    w.fleet.add(agent);
    w.fleet.connected('worker-1', snapshot('worker-1'));
    await w.fleet.tryAgain(agent);
    expect(w.orders).toEqual([]);
    w.fleet.observed('worker-1', snapshot('worker-1', { failure: '/bin/x cannot be started' }));
    await w.fleet.tryAgain(agent);
    expect(w.orders).toEqual([{ do: 'restart' }]);
  });

  test('a process that could not be ended yet is still to be ended, whatever asks for it again', async () => {
    const w = scene();
    const agent = record('worker-1', { desired: 'stopped' });
    agent.lifecycle = {
      phase: 'backoff',
      since: BEGIN,
      until: BEGIN + 10_000,
      of: 'stop',
      detail: 'a process in the kernel',
    };
    w.fleet.add(agent);
    await w.turn();
    expect(w.calls).toEqual([]);
    w.fleet.revive(agent);
    await w.turn();
    expect(w.calls).toEqual(['stop worker-1']);
  });

  test('a worktree is worked in only while nothing of its agent runs, and nothing is begun meanwhile', async () => {
    const w = scene();
    const agent = record('worker-1', { desired: 'stopped' });
    w.fleet.add(agent);
    const never = (): Promise<never> => Promise.reject(new Error('this was not to be called'));
    await expect(w.fleet.alone(agent, never)).rejects.toMatchObject({ code: 'agent-away', retrySafe: true });
    await w.turn();
    const work = Promise.withResolvers<string>();
    const alone = w.fleet.alone(agent, () => work.promise);
    await expect(w.fleet.alone(agent, never)).rejects.toMatchObject({ code: 'agent-away' });
    agent.row = { ...agent.row, desired: 'up' };
    await w.turn();
    expect(w.calls).toEqual([]);
    work.resolve('done');
    await expect(alone).resolves.toBe('done');
    await w.turn();
    expect(w.calls).toEqual(['start worker-1']);
  });

  test('a wrapper that lives without its link keeps others out of the worktree', async () => {
    const w = scene();
    const agent = record();
    w.panes.set('worker-1', pane());
    w.fleet.add(agent);
    w.fleet.connected('worker-1', snapshot());
    await w.turn();
    w.fleet.disconnected('worker-1');
    await w.turn();
    await expect(w.fleet.alone(agent, async () => 'harm')).rejects.toMatchObject({ code: 'agent-away' });
  });

  test('a failing work in the worktree leaves no agent locked', async () => {
    const w = scene();
    const agent = record('worker-1', { desired: 'stopped' });
    w.fleet.add(agent);
    await w.turn();
    await expect(w.fleet.alone(agent, () => Promise.reject(new Error('no such ref')))).rejects.toThrow('no such ref');
    expect(agent.step.busy).toBe(false);
  });

  test('a call that waits for an agent is told when the agent is removed meanwhile', async () => {
    const w = scene();
    const agent = record('worker-1', { desired: 'stopped' });
    w.fleet.add(agent);
    const removed = w.fleet.whileStopped(agent, REMOVAL, async () => w.fleet.remove('worker-1'));
    const work = vi.fn(async () => 'harm');
    const second = w.fleet.whileStopped(agent, REMOVAL, work);
    const said = expect(second).rejects.toMatchObject({ code: 'unknown-agent' });
    await w.turn();
    await w.end({ phase: 'none', since: BEGIN });
    await removed;
    await said;
    await expect(w.fleet.whileStopped(agent, REMOVAL, work)).rejects.toMatchObject({ code: 'unknown-agent' });
    await w.turn();
    expect(work).not.toHaveBeenCalled();
  });
});

describe('an agent that was given up', () => {
  const FAILED: Lifecycle = { phase: 'failed', since: BEGIN, detail: 'died too often' };
  const PANE = pane({ dead: true, status: 1 });
  type Scene = ReturnType<typeof scene>;

  /** As the next supervisor finds it: a dead pane, and the row in the store. */
  async function next(store: Store, fields: Parameters<typeof record>[1] = {}): Promise<Scene & { agent: AnyRecord }> {
    const w = scene(store);
    const agent = record('worker-1', fields);
    w.panes.set('worker-1', PANE);
    w.fleet.add(agent);
    await w.turn();
    return { ...w, agent };
  }

  async function givenUp(store: Store): Promise<Scene> {
    const w = await next(store);
    expect(w.calls).toEqual(['recover worker-1']);
    await w.end(FAILED);
    expect(w.phase()).toBe('failed');
    return w;
  }

  test('is so also when the supervisor dies between its deaths: they are counted on until a person has looked', async () => {
    const store = Store.memory();
    const again: Lifecycle = { phase: 'backoff', since: BEGIN, until: BEGIN + 100, of: 'start', detail: 'died' };
    const deaths = [BEGIN - 1_000, BEGIN];
    const first = await next(store);
    first.agent.deaths = deaths;
    await first.end(again);
    const second = await next(store);
    expect(second.agent.deaths).toEqual(deaths);
    await second.end(again);
    second.fleet.revive(second.agent);
    await settled();
    expect((await next(store)).agent.deaths).toEqual([]);
  });

  test('is looked at again by the next supervisor too, where a program could not be started', async () => {
    const store = Store.memory();
    const first = await next(store);
    await first.end({ ...FAILED, lookAgainAt: BEGIN + 3_000 });
    expect(first.phase()).toBe('failed');
    expect((await next(store)).calls).toEqual(['recover worker-1']);
  });

  test('is not given up for deaths of long ago, where the clock was set back while there was no supervisor', async () => {
    const store = Store.memory();
    const first = await next(store);
    first.agent.deaths = [BEGIN + 3_599_000, BEGIN + 3_600_000];
    await first.end({ phase: 'backoff', since: BEGIN, until: BEGIN + 60_000, of: 'start', detail: 'died' });
    expect((await next(store)).agent.deaths).toEqual([]);
  });

  test('leaves nothing of its deaths to the next of its name, once it is removed', async () => {
    const store = Store.memory();
    const first = await next(store);
    first.agent.deaths = [BEGIN - 1_000, BEGIN];
    await first.end({ phase: 'backoff', since: BEGIN, until: BEGIN + 60_000, of: 'start', detail: 'died' });
    const removed = first.fleet.whileStopped(first.agent, REMOVAL, async () => first.fleet.remove('worker-1'));
    await first.turn();
    await first.end({ phase: 'none', since: BEGIN });
    await removed;
    expect((await next(store)).agent.deaths).toEqual([]);
  });

  test('also rests in the next supervisor, which says the same of it', async () => {
    const store = Store.memory();
    await givenUp(store);
    const w = await next(store);
    expect(w.fleet.get('worker-1')?.lifecycle).toEqual(FAILED);
    w.time.pass(3_600_000);
    await w.turn();
    expect(w.calls).toEqual([]);
  });

  test('is known to the store before it is seen', async () => {
    const store = Store.memory();
    const w = await next(store);
    const written = Promise.withResolvers<void>();
    const write = store.write.bind(store);
    store.write = async (work) => {
      await written.promise;
      return await write(work);
    };
    await w.end(FAILED);
    expect(w.phase()).toBe('recovering');
    written.resolve();
    await settled();
    expect(w.phase()).toBe('failed');
  });

  test('rests where the store cannot be written to', async () => {
    const store = Store.memory();
    const w = await next(store);
    store.write = () => Promise.reject(new Error('no space left'));
    await w.end(FAILED);
    expect(w.phase()).toBe('failed');
  });

  test.each<[string, (w: Scene) => void]>([
    ['a person lets it go on', ({ fleet }) => fleet.revive(fleet.get('worker-1') as AgentRecord)],
    [
      'it is stopped',
      ({ fleet }) => {
        const agent = fleet.get('worker-1') as AnyRecord;
        agent.row = { ...agent.row, desired: 'stopped' };
      },
    ],
    ['everything goes down', ({ fleet }) => fleet.goDown()],
  ])('begins anew when %s', async (_name, say) => {
    const store = Store.memory();
    await givenUp(store);
    const w = await next(store);
    say(w);
    await w.turn();
    const after = await next(store);
    expect(after.calls, 'looked at like any other').toEqual(['recover worker-1']);
  });

  test('starts at once when the person says so to the next supervisor', async () => {
    const store = Store.memory();
    await givenUp(store);
    const w = await next(store);
    w.fleet.revive(w.fleet.get('worker-1') as AgentRecord);
    await w.turn();
    expect(w.calls).toEqual(['start worker-1']);
  });
});
