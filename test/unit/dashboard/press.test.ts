import { describe, expect, it } from 'vitest';
import { KEYS, bindingFor, helpLines, keyLabel, type Mode, type PaneName } from '../../../src/dashboard/keys.ts';
import type { Model } from '../../../src/dashboard/model.ts';
import { paste, press } from '../../../src/dashboard/press.ts';
import { modeOf, selected, settle, START, startWith, type Ui } from '../../../src/dashboard/ui.ts';
import { fakePermission, fakeQuestion } from '../../integration/dashboard/fake-supervisor.ts';
import { fullModel, model, NOW } from './support.ts';

/** The state after these keys, one after the other. */
function after(ui: Ui, state: Model, ...keys: string[]) {
  let pressed = { ui, effect: null as ReturnType<typeof press>['effect'] };
  for (const key of keys) pressed = press(pressed.ui, state, key, NOW);
  return pressed;
}

const type = (text: string): string[] => text.split('');

describe('the key map', () => {
  it('gives a key one meaning in a place', () => {
    const places = KEYS.flatMap(({ keys, mode, panes }) =>
      (panes ?? (['needs-you', 'agents', 'tasks', 'events'] as const)).flatMap((pane) =>
        keys.map((key) => `${mode} ${pane} ${key}`),
      ),
    );
    expect(new Set(places).size).toBe(places.length);
  });

  it('is what the help says', () => {
    const help = helpLines().join('\n');
    for (const { help: words } of KEYS) expect(help).toContain(words);
    for (const { keys } of KEYS) for (const key of keys) expect(help).toContain(keyLabel(key));
  });

  it('a key that is in no map changes nothing, not even an object', () => {
    const state = fullModel();
    const places: Record<Mode, Ui> = {
      panes: startWith(state),
      text: after(startWith(state), state, '?').ui,
      line: after(startWith(state), state, ':').ui,
    };
    for (const [mode, ui] of Object.entries(places) as [Mode, Ui][]) {
      expect(modeOf(ui)).toBe(mode);
      for (const key of [
        'f5',
        'ctrl+z',
        'alt+a',
        'ctrl+enter',
        'alt+d',
        'ctrl+d',
        ...(mode === 'line' ? [] : ['x', 'Z', '9', ' ', 'ä', 'A', 'D']),
      ]) {
        expect(bindingFor(mode, 'needs-you', key)).toBeUndefined();
        const pressed = press(ui, state, key, NOW);
        expect(pressed.ui, `${mode} ${key}`).toBe(ui);
        expect(pressed.effect).toBeNull();
      }
    }
  });
});

describe('moving', () => {
  it('opens on what needs the person, else on the agents', () => {
    expect(startWith(fullModel()).pane).toBe('needs-you');
    expect(startWith(model()).pane).toBe('agents');
  });

  it('goes through the panes and their rows, and stops at the ends', () => {
    const state = model();
    const panes = (...keys: string[]): PaneName => after(START, state, ...keys).ui.pane;
    expect([
      panes('tab'),
      panes('tab', 'tab', 'tab'),
      panes('shift+tab'),
      panes('l'),
      panes('h'),
      panes('1'),
      panes('4'),
    ]).toEqual(['tasks', 'needs-you', 'needs-you', 'tasks', 'needs-you', 'needs-you', 'events']);
    const row = (...keys: string[]): string | null => selected(after(START, state, ...keys).ui, state);
    expect([
      row(),
      row('j'),
      row('down', 'j', 'k'),
      row('k'),
      row('G'),
      row('end', 'j'),
      row('G', 'g'),
      row('pagedown'),
      row('pagedown', 'pageup'),
      row('ctrl+f', 'ctrl+f'),
      row('j', 'home'),
    ]).toEqual([
      'worker-1',
      'worker-2',
      'worker-2',
      'worker-1',
      'worker-30',
      'worker-30',
      'worker-1',
      'worker-11',
      'worker-1',
      'worker-21',
      'worker-1',
    ]);
  });

  it('the cursor keeps its row, or takes the neighbour of one that has gone', () => {
    const state = fullModel();
    const { ui } = after({ ...START, pane: 'tasks' }, state, 'j', 'j');
    const without = { ...state, tasks: state.tasks.slice(1) };
    expect(selected(settle(ui, without, NOW), without)).toBe('t3');
    const gone = { ...state, tasks: state.tasks.filter(({ id }) => id !== 't3') };
    expect(selected(settle(ui, gone, NOW), gone)).toBe('t4');
    const none = { ...state, tasks: [] };
    expect(selected(settle(ui, none, NOW), none)).toBeNull();
  });
});

describe('answering', () => {
  const one = model({}, [fakePermission('worker-3', 'p1', 'npm install')]);
  const answer = (decision: string) => ({
    do: 'answer',
    agent: 'worker-3',
    key: 'worker-3 p1',
    request: { needsYou: 'p1', decision },
  });

  it('one key allows or denies the permission that is selected', () => {
    expect(after(startWith(one), one, 'a').effect).toEqual(answer('allow'));
    expect(after(startWith(one), one, 'd').effect).toEqual(answer('deny'));
  });

  it('works from the agent that asks too, and not from another', () => {
    expect(after(START, one, 'j', 'j', 'a').effect).toEqual(answer('allow'));
    const other = after(START, one, 'a');
    expect(other.effect).toBeNull();
    expect(other.ui.notice?.text).toBe('worker-1 asks nothing');
  });

  it('does not decide twice', () => {
    const { ui, effect } = after(startWith(one), one, 'a', 'd');
    expect(effect).toBeNull();
    expect(ui.notice?.text).toContain('answered already');
  });

  it('never decides what came under the finger a moment ago', () => {
    const two = model({}, [fakePermission('worker-4', 'p2', 'rm -rf build')]);
    const ui = settle(startWith(one), two, NOW);
    const soon = press(ui, two, 'a', NOW + 100);
    expect(soon.effect).toBeNull();
    expect(soon.ui.notice?.text).toContain('has just come up');
    expect(press(ui, two, 'a', NOW + 600).effect).toMatchObject({ do: 'answer', agent: 'worker-4' });
  });

  it('a question gets a line to write the answer on', () => {
    const state = model({}, [fakeQuestion('worker-2', 'q1', 'Tabs or spaces?')]);
    const { effect, ui } = after(startWith(state), state, 'a', ...type('tabz'), 'backspace', 's', 'enter');
    expect(effect).toEqual({
      do: 'answer',
      agent: 'worker-2',
      key: 'worker-2 q1',
      request: { needsYou: 'q1', decision: 'text', text: 'tabs' },
    });
    expect(ui.line).toBeNull();
    expect(after(startWith(state), state, 'a', ...type('tabs'), 'escape').effect).toBeNull();
  });

  it('what no key can settle says what does', () => {
    const trust = model({}, [{ ...fakeQuestion('worker-1', 'x', 'Trust?'), kind: 'trust' }]);
    expect(after(startWith(trust), trust, 'a').ui.notice?.text).toContain('swarm up --trust');
  });

  it('pasted text orders nothing', () => {
    const ui = paste(startWith(one), 'a');
    expect(ui.notice?.text).toContain('ignored');
    expect(ui.answered).toEqual([]);
    const line = paste(after(ui, one, ':').ui, 'send worker-1\nhello\u001B');
    expect(line.line?.text).toBe('send worker-1 hello');
  });
});

describe('the command line', () => {
  const state = model();
  const command = (...keys: string[]) => after(START, state, ':', ...keys, 'enter');

  it.each([
    ['task add Fix the login', { do: 'add-task', title: 'Fix the login' }],
    ['task cancel t3', { do: 'task', verb: 'cancel', id: 't3' }],
    ['task retry t3', { do: 'task', verb: 'retry', id: 't3' }],
    ['send worker-2 use tabs', { do: 'send', agent: 'worker-2', text: 'use tabs' }],
    ['pause', { do: 'agents', verb: 'pause', ids: ['worker-1'] }],
    ['resume worker-1 worker-2', { do: 'agents', verb: 'resume', ids: ['worker-1', 'worker-2'] }],
    ['restart worker-2', { do: 'agents', verb: 'restart', ids: ['worker-2'] }],
    ['stop  worker-2 ', { do: 'agents', verb: 'stop', ids: ['worker-2'] }],
    ['scale 4', { do: 'scale', workers: 4 }],
    ['quit', { do: 'quit' }],
  ])('%s', (line, effect) => {
    expect(command(...type(line)).effect).toEqual(effect);
  });

  it.each([
    ['sotp', 'there is no command "sotp"'],
    ['stop worker-99', 'there is no agent worker-99'],
    ['task add', 'say what is to be done'],
    ['send worker-1', 'the message is empty'],
    ['send carol hello', 'send to which agent?'],
    ['task cancel', 'cancel which task?'],
    ['scale', 'scale to how many'],
    ['scale 201', 'From 1 to 200'],
  ])('%s keeps the line and says what is wrong', (line, words) => {
    const { ui, effect } = command(...type(line));
    expect(effect).toBeNull();
    expect(ui.notice).toMatchObject({ problem: true });
    expect(ui.notice?.text).toContain(words);
    expect(ui.line?.text).toBe(line);
  });

  it('Tab completes commands and what they are about, as far as it is sure', () => {
    const typed = (text: string): string | undefined => after(START, state, ':', ...type(text), 'tab').ui.line?.text;
    expect([typed('pau'), typed('ta'), typed('re'), typed('stop w'), typed('task cancel t30'), typed('xyz')]).toEqual([
      'pause ',
      'task ',
      'res',
      'stop worker-',
      'task cancel t30 ',
      'xyz',
    ]);
  });

  it('is edited as lines are', () => {
    const line = (...keys: string[]) => after(START, state, ':', ...type('ab cd'), ...keys).ui.line;
    expect(line('left', 'x')).toMatchObject({ text: 'ab cxd', at: 5 });
    expect(line('home', 'delete', 'right', 'y')).toMatchObject({ text: 'by cd', at: 2 });
    expect(line('ctrl+a', 'end', 'ctrl+w')).toMatchObject({ text: 'ab ', at: 3 });
    expect(line('ctrl+u')).toMatchObject({ text: '', at: 0 });
  });
});
