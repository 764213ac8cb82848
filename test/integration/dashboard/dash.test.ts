import { execa } from 'execa';
import { describe, expect } from 'vitest';
import { KEYS, type Action, type Binding, type PaneName } from '../../../src/dashboard/keys.ts';
import { eventually } from '../../support/eventually.ts';
import { TMUX_CONF } from '../../support/tmux.ts';
import { test, type Terminal } from './dash-pane.ts';
import {
  fakeAgent,
  fakePermission,
  fakeQuestion,
  fakeStatus,
  fakeTask,
  type FakeSupervisor,
} from './fake-supervisor.ts';

/** By tmux's names. */
const TMUX_KEYS: Readonly<Record<string, string>> = {
  enter: 'Enter',
  escape: 'Escape',
  tab: 'Tab',
  'shift+tab': 'BTab',
  up: 'Up',
  down: 'Down',
  left: 'Left',
  right: 'Right',
  pageup: 'PageUp',
  pagedown: 'PageDown',
  home: 'Home',
  end: 'End',
  backspace: 'BSpace',
  delete: 'DC',
};

function tmuxKey(key: string): string {
  return TMUX_KEYS[key] ?? key.replace(/^ctrl\+/, 'C-');
}

const IDS = Array.from({ length: 30 }, (_, at) => `worker-${at + 1}`);

/** Thirty of everything: each key has something to change. */
async function fullSwarm(supervisor: FakeSupervisor): Promise<void> {
  supervisor.tasks = IDS.map((_, at) => fakeTask(`t${at + 1}`, `Task number ${at + 1}`));
  await eventually(() => supervisor.listeners, 'the dashboard listens').toBe(1);
  for (let at = 0; at < 30; at += 1)
    supervisor.emit({ name: 'task.progress', agent: 'worker-1', task: 't1', data: { text: `step ${at}` } });
}

describe('swarm dash in a terminal', () => {
  test('opens on what needs the person, and one key decides it', async ({ place }) => {
    const supervisor = await place.supervisor(
      fakeStatus([fakeAgent('worker-1', { status: 'needs-you' }), fakeAgent('worker-2')], {
        needsYou: [fakePermission('worker-1', 'p1', 'npm install')],
      }),
    );
    supervisor.tasks = [fakeTask('t1', 'Make the shop faster')];
    const terminal = await place.terminal(['dash']);
    await terminal.shows('1 needs you');
    await terminal.shows(/› worker-1 .*npm install/);
    await terminal.shows('Make the shop faster');
    await terminal.keys('a');
    await eventually(() => supervisor.orders).toEqual([
      { path: '/v1/agents/worker-1/answer', body: { needsYou: 'p1', decision: 'allow' } },
    ]);
    await terminal.shows('worker-1: allow sent');
    await terminal.keys('q');
    await terminal.ends(0);
    expect(await terminal.screen(), 'the screen as it was before').not.toContain('worker-1');
  });

  test('a question is answered in words, a task added, an agent paused', async ({ place }) => {
    const supervisor = await place.supervisor(
      fakeStatus([fakeAgent('worker-1')], { needsYou: [fakeQuestion('worker-1', 'q1', 'Tabs or spaces?')] }),
    );
    const terminal = await place.terminal(['dash']);
    await terminal.shows('Tabs or spaces?');
    await terminal.keys('a');
    await terminal.shows('answer to worker-1:');
    await terminal.type('tabs, please');
    await terminal.keys('Enter');
    await terminal.shows('worker-1: answered');
    await terminal.type(':task add Fix the login');
    await terminal.keys('Enter');
    await terminal.shows('task t9 added');
    await terminal.type(':pau');
    await terminal.keys('Tab', 'Enter');
    await terminal.shows('worker-1: pause ordered');
    expect(supervisor.orders).toEqual([
      { path: '/v1/agents/worker-1/answer', body: { needsYou: 'q1', decision: 'text', text: 'tabs, please' } },
      { path: '/v1/tasks', body: { title: 'Fix the login' } },
      { path: '/v1/agents/worker-1/pause', body: {} },
    ]);
  });

  test('Enter shows the terminal of the agent, detaching comes back', async ({ place }) => {
    await place.supervisor(fakeStatus([fakeAgent('worker-1'), fakeAgent('worker-2')]));
    const variables = place.environment.variables;
    const project = ['-S', place.tmuxSocket, '-f', TMUX_CONF];
    await execa(
      'tmux',
      [...project, 'new-session', '-d', '-s', 'worker-2', 'sh', '-c', 'echo I am worker-2; exec cat'],
      { env: variables, extendEnv: false },
    );
    const terminal = await place.terminal(['dash']);
    await terminal.shows('› worker-1');
    await terminal.keys('j', 'Enter');
    await terminal.shows('I am worker-2');
    await terminal.type('jq says hello');
    await terminal.shows('jq says hello');
    await terminal.keys('C-b', 'd');
    await terminal.shows('› worker-2');
    await terminal.keys('k');
    await terminal.shows('› worker-1');
    await terminal.keys('Enter');
    await terminal.shows(/could not show worker-1|no server|find session/);
    await terminal.keys('q');
    await terminal.ends(0);
  });

  test('a supervisor that goes away is told, and is found again', async ({ place }) => {
    const supervisor = await place.supervisor(fakeStatus([fakeAgent('worker-1')]));
    const terminal = await place.terminal(['dash']);
    await terminal.shows('worker-1');
    await supervisor.close();
    await terminal.shows('The supervisor is away');
    await terminal.shows('worker-1');
    supervisor.status = fakeStatus([fakeAgent('worker-1', { status: 'working' }), fakeAgent('worker-5')]);
    await supervisor.listen();
    await terminal.hides('The supervisor is away');
    await terminal.shows('worker-5');
  });

  test('follows the size of the terminal, and says when it is too small', async ({ place }) => {
    await place.supervisor(fakeStatus(IDS.map((id) => fakeAgent(id))));
    const terminal = await place.terminal(['dash']);
    await terminal.shows('worker-1');
    expect(await terminal.screen()).not.toContain('worker-30');
    await terminal.resize(60, 20);
    await terminal.shows('needs 80×14, this is 60×20');
    await terminal.resize(120, 50);
    await terminal.shows('worker-30');
    await terminal.hides('needs 80×14');
    await terminal.keys('q');
    await terminal.ends(0);
  });

  test('without colours it has none, and the cursor is seen all the same', async ({ place }) => {
    await place.supervisor(fakeStatus([fakeAgent('worker-1', { status: 'failed' })]));
    const terminal = await place.terminal(['dash'], { variables: { NO_COLOR: '1' } });
    await terminal.shows('› worker-1');
    expect(await terminal.screen({ colours: true })).not.toContain('\u001B[');
    const coloured = await place.terminal(['dash']);
    await coloured.shows('› worker-1');
    expect(await coloured.screen({ colours: true })).toContain('\u001B[31m');
  });

  test('a terminal that goes away takes the dashboard with it', async ({ place }) => {
    await place.supervisor(fakeStatus([fakeAgent('worker-1')]));
    const terminal = await place.terminal(['dash']);
    await terminal.shows('worker-1');
    await terminal.close();
    // The environment fails the test for a process that is left.
  });

  test('without a supervisor it says what to do', async ({ place }) => {
    const terminal = await place.terminal(['dash']);
    await terminal.ends(1);
    await terminal.shows('swarm up');
  });
});

describe('lines instead of a dashboard', () => {
  test.for([
    ['for a terminal that knows nothing else', ['dash'], { TERM: 'dumb' }],
    ['when they are asked for', ['dash', '--plain'], {}],
  ] as const)('%s', async ([, args, variables], { place }) => {
    const supervisor = await place.supervisor(fakeStatus([fakeAgent('worker-1')]));
    const terminal = await place.terminal(args, { variables });
    await terminal.shows(/^\d\d:\d\d:\d\d worker-1 idle$/m);
    await eventually(() => supervisor.listeners).toBe(1);
    supervisor.status = fakeStatus([fakeAgent('worker-1', { status: 'working', reason: 't1 running' })]);
    supervisor.emit({ name: 'task.running', agent: 'worker-1', task: 't1' });
    await terminal.shows('worker-1 working: t1 running');
    await terminal.shows('t1 running (worker-1)');
    await terminal.keys('C-c');
    await terminal.ends(130);
  });
});

type PaneKey = '1' | '2' | '3' | '4';

const PANE_KEYS: Readonly<Record<PaneName, PaneKey>> = { 'needs-you': '1', agents: '2', tasks: '3', events: '4' };

/** The text on screen when this row of a pane is selected, from 1. */
const SELECTED: Readonly<Record<PaneKey, (row: number) => RegExp>> = {
  '1': (row) => new RegExp(`^› worker-${row} +permission`, 'm'),
  '2': (row) => new RegExp(`^› worker-${row} +(?!permission)`, 'm'),
  '3': (row) => new RegExp(`^› t${row} `, 'm'),
  '4': (row) => new RegExp(`^› .*step ${30 - row}$`, 'm'),
};

/**
 * Puts the dashboard into a mode with a row in the middle selected. Each step is proved by the screen: a busy dashboard
 * reads keys that follow each other in one go, and takes many different letters for pasted text, or Escape and a letter
 * for Alt.
 */
async function reset(terminal: Terminal, { mode, action }: Binding, pane: PaneKey): Promise<void> {
  if (!(await terminal.screen()).includes('? help')) {
    await terminal.keys('Escape');
    await terminal.shows('? help');
  }
  await terminal.keys(pane, 'Home');
  await terminal.shows(SELECTED[pane](1));
  await terminal.keys('PageDown');
  await terminal.shows(SELECTED[pane](11));
  if (mode === 'text') {
    await terminal.keys('?');
    await terminal.shows('While you write');
    await changes(terminal, () => terminal.keys('j', 'j'));
  }
  if (mode === 'line') {
    await terminal.type(':stop worker');
    await terminal.shows(':stop worker');
  }
  if (mode === 'line' && action !== 'complete') await changes(terminal, () => terminal.keys('Left', 'Left'));
  if (mode === 'panes' && ['needs-you', 'agents', 'tasks', 'events'].includes(action))
    await changes(terminal, () => terminal.keys(action === 'tasks' ? '4' : '3'));
}

/** Does something with a visible effect, and waits for the effect. */
async function changes(terminal: Terminal, act: () => Promise<void>): Promise<void> {
  const before = await settled(terminal);
  await act();
  await eventually(() => terminal.screen({ colours: true }), 'something else on the screen').not.toBe(before);
}

/** These end the dashboard or leave it; they have tests of their own above. */
const OWN_TEST: readonly Action[] = ['quit', 'open'];

describe('every key of the map, in a real terminal', () => {
  test(
    'changes what is seen or orders something; an unmapped one does neither',
    { timeout: 180_000 },
    async ({ place }) => {
      const needsYou = IDS.map((id, at) => fakePermission(id, `p${at}`, `npm run step-${at}`));
      const supervisor = await place.supervisor(
        fakeStatus(
          IDS.map((id) => fakeAgent(id)),
          { needsYou },
        ),
      );
      const terminal = await place.terminal(['dash'], { columns: 100, rows: 30 });
      await terminal.shows('› worker-1');
      await fullSwarm(supervisor);
      await terminal.shows('step 29');
      for (const binding of KEYS.filter(({ action }) => !OWN_TEST.includes(action))) {
        for (const key of binding.keys) {
          const pane = PANE_KEYS[binding.panes?.[0] ?? 'agents'];
          await reset(terminal, binding, pane);
          const before = await settled(terminal);
          const decides = ['allow', 'deny'].includes(binding.action);
          if (!decides) await terminal.keys(tmuxKey(key));
          await eventually(async () => {
            // A question that has just come under the cursor is not decided yet: pressed until it counts.
            if (decides) await terminal.keys(tmuxKey(key));
            return await terminal.screen({ colours: true });
          }, `${binding.mode} ${key} (${binding.action}) is seen`).not.toBe(before);
        }
      }
      await reset(terminal, { mode: 'panes', keys: [], action: 'down', help: '' }, '2');
      const [before, orders] = [await settled(terminal), supervisor.orders.length];
      await terminal.keys('x', 'Z', '9', 'A', 'D', 'F5', 'M-a', 'C-d', 'C-z');
      // A mapped key behind them proves that they have been read.
      await terminal.keys('?');
      await terminal.shows('While you write');
      await terminal.keys('?');
      await terminal.hides('While you write');
      expect(await settled(terminal)).toBe(before);
      expect(supervisor.orders).toHaveLength(orders);
    },
  );
});

/** The screen once two looks at it agree. */
async function settled(terminal: Terminal): Promise<string> {
  let last = '';
  await eventually(
    async () => {
      const now = await terminal.screen({ colours: true });
      const same = now === last;
      last = now;
      return same;
    },
    'a quiet screen',
    60,
  ).toBe(true);
  return last;
}
