import { expect, test } from 'vitest';
import type { UpDocument } from '../../../src/api/swarm/schemas.ts';
import { UpDown } from '../../../src/supervisor/up-down.ts';
import type { Purge } from '../../../src/supervisor/history/purge.ts';
import { OngoingWork } from '../../../src/supervisor/project/ongoing-work.ts';
import { settled, silentLog, Time } from './kit.ts';

const ANSWER: UpDocument = { agents: [], base: { branch: 'main', commit: 'c0ffee' }, notes: [], wanted: [] };

const KEEP = { purge: false, force: false };

function scene({ down = false } = {}) {
  const time = new Time();
  const state = {
    down,
    quiet: false,
    stored: down ? 'down' : 'up',
    ends: [] as { everything: boolean; purge: Purge | null }[],
  };
  let calling: PromiseWithResolvers<void> | null = null;
  let dismissing: () => Promise<void> = async () => void (state.stored = 'down');
  const upDown = new UpDown({
    log: silentLog,
    now: time.now,
    call: async () => {
      await calling?.promise;
      state.stored = 'up';
      state.down = false;
      return ANSWER;
    },
    goDown: () => {
      state.down = true;
      return dismissing();
    },
    fleet: {
      get goingDown() {
        return state.down;
      },
      get quiet() {
        return state.quiet;
      },
    },
    ongoing: new OngoingWork(),
    end: async (how) => void state.ends.push(how),
  });
  return {
    time,
    state,
    upDown,
    slowly: () => (calling = Promise.withResolvers<void>()),
    failing: () => (dismissing = () => Promise.reject(new Error('the disk is full'))),
  };
}

test('down ends everything once nothing runs, and not before', async () => {
  const { upDown, state } = scene();
  await upDown.down(KEEP);
  upDown.tick();
  expect(state.ends).toEqual([]);
  state.quiet = true;
  upDown.tick();
  upDown.tick();
  expect(state.ends).toEqual([{ everything: true, purge: null }]);
});

test('the last of several orders counts, in memory and in the store', async () => {
  const { upDown, state, slowly } = scene();
  const git = slowly();
  const up = upDown.up({});
  const down = upDown.down(KEEP);
  await settled();
  git.resolve();
  await Promise.all([up, down]);
  expect(state).toMatchObject({ down: true, stored: 'down' });
  await upDown.up({});
  expect(state).toMatchObject({ down: false, stored: 'up' });
});

test('an up that is on its way keeps a quiet supervisor from ending', async () => {
  const { upDown, state, slowly } = scene();
  await upDown.down(KEEP);
  state.quiet = true;
  const git = slowly();
  const up = upDown.up({ workers: 3 });
  await settled();
  upDown.tick();
  expect(state.ends).toEqual([]);
  git.resolve();
  await expect(up).resolves.toBe(ANSWER);
  upDown.tick();
  expect(state.ends).toEqual([]);
});

test('an order to one that ends is refused as to one that is not there, so that its sender starts the next', async () => {
  const { upDown, state } = scene();
  await upDown.down(KEEP);
  state.quiet = true;
  upDown.tick();
  await expect(upDown.up({})).rejects.toMatchObject({ code: 'supervisor-down', retrySafe: true });
  expect(state.stored).toBe('down');
});

test('a purge that an up came after is forgotten', async () => {
  const { upDown, state } = scene();
  await upDown.down({ purge: true, force: false });
  await upDown.up({});
  await upDown.down(KEEP);
  state.quiet = true;
  upDown.tick();
  expect(state.ends).toEqual([{ everything: true, purge: null }]);
});

test('a full disk does not keep it from going down', async () => {
  const { upDown, state, failing } = scene();
  failing();
  await upDown.down({ purge: true, force: false });
  state.quiet = true;
  upDown.tick();
  expect(state.ends).toEqual([{ everything: true, purge: { force: false } }]);
});

test('one that was started for an up waits for it to speak', async () => {
  const { upDown, state, time } = scene({ down: true });
  state.quiet = true;
  upDown.tick();
  time.pass(4_999);
  upDown.tick();
  expect(state.ends).toEqual([]);
  time.pass(1);
  upDown.tick();
  expect(state.ends).toEqual([{ everything: true, purge: null }]);
});

test('one that was started to clean up ends as soon as that is done', async () => {
  const { upDown, state } = scene({ down: true });
  state.quiet = true;
  await upDown.down(KEEP);
  upDown.tick();
  expect(state.ends).toHaveLength(1);
});

test('a signal ends the supervisor alone, a second one changes nothing', () => {
  const { upDown, state } = scene();
  upDown.signal('SIGTERM');
  upDown.signal('SIGTERM');
  expect(state.ends).toEqual([{ everything: false, purge: null }]);
});

test('a signal while everything goes down waits for that, a second one does not', async () => {
  const { upDown, state } = scene();
  await upDown.down({ purge: true, force: false });
  upDown.signal('SIGTERM');
  expect(state.ends).toEqual([]);
  upDown.signal('SIGTERM');
  expect(state.ends).toEqual([{ everything: false, purge: null }]);
});
