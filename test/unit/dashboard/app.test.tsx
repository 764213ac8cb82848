import { cleanup, render } from 'ink-testing-library';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { App } from '../../../src/dashboard/app.tsx';
import type { Dash } from '../../../src/dashboard/dash.ts';
import { KEYS, PANES, type Binding, type PaneName } from '../../../src/dashboard/keys.ts';
import { press } from '../../../src/dashboard/press.ts';
import { fakePermission } from '../../integration/dashboard/fake-supervisor.ts';
import { dashOver, fullModel, model, NOW, orders } from './support.ts';

/** Sequences that a terminal sends for the keys that are no character. */
const SENT: Readonly<Record<string, string>> = {
  enter: '\r',
  escape: '\u001B',
  tab: '\t',
  'shift+tab': '\u001B[Z',
  up: '\u001B[A',
  down: '\u001B[B',
  right: '\u001B[C',
  left: '\u001B[D',
  home: '\u001B[H',
  end: '\u001B[F',
  pageup: '\u001B[5~',
  pagedown: '\u001B[6~',
  backspace: '\u007F',
  delete: '\u001B[3~',
};

function sent(key: string): string {
  const control = /^ctrl\+(.)$/.exec(key)?.[1];
  return control === undefined ? (SENT[key] ?? key) : String.fromCharCode(control.charCodeAt(0) - 96);
}

beforeAll(() => {
  // The library's terminal has no height, and Ink would ask the machine for one.
  const { stdout, unmount } = render(<></>);
  Object.defineProperty(Object.getPrototypeOf(stdout), 'rows', { get: () => 40, configurable: true });
  unmount();
});

afterEach(cleanup);

function show(dash: Dash, attach = vi.fn(async () => undefined)) {
  return { ...render(<App dash={dash} attach={attach} />), attach };
}

/** Puts the dashboard into the middle of everything, so that every key has something to change. */
function before(binding: Binding, pane: PaneName, dash: Dash): void {
  dash.press(String(PANES.indexOf(pane) + 1));
  for (let row = 0; row < 12; row += 1) dash.press('j');
  if (binding.mode === 'text') for (const key of ['?', 'j', 'j']) dash.press(key);
  if (binding.mode === 'line') for (const key of [':', ...'stop worker'.split(''), 'left', 'left']) dash.press(key);
  // A line is completed from its end, and a pane is left for another one.
  if (binding.action === 'complete') dash.press('end');
  if (binding.action === pane) dash.press(pane === 'tasks' ? '4' : '3');
}

const CASES = KEYS.flatMap((binding) => {
  const panes = binding.panes ?? (binding.mode === 'panes' ? PANES : (['agents'] as const));
  return panes.flatMap((pane) =>
    binding.keys.map((key) => ({ binding, pane, key, name: `${binding.mode} ${pane} ${key}: ${binding.action}` })),
  );
});

describe('each key of the map, as a terminal sends it', () => {
  it.each(CASES)('$name', async ({ binding, pane, key }) => {
    const state = fullModel();
    const given = orders();
    const dash = dashOver(state, given);
    before(binding, pane, dash);
    const was = dash.ui;
    const wanted = press(was, state, key, NOW);
    const { stdin, attach, lastFrame } = show(dash);
    const frame = lastFrame();
    stdin.write(sent(key));
    if (wanted.effect?.do === 'quit') {
      await expect.poll(() => lastFrame()?.trim() ?? '').not.toContain('worker-13');
      return;
    }
    if (wanted.effect?.do === 'attach') {
      await expect.poll(() => attach.mock.calls).toEqual([[wanted.effect.agent]]);
      return;
    }
    if (wanted.effect?.do === 'answer') {
      await expect.poll(() => given.given).toEqual([['answer', wanted.effect.agent, wanted.effect.request]]);
      return;
    }
    // How far down a text goes is known when it is shown.
    const told =
      binding.mode === 'text' && binding.action === 'last'
        ? { ...wanted.ui, overlay: expect.anything() as unknown }
        : wanted.ui;
    await expect.poll(() => dash.ui).toEqual(told);
    expect(dash.ui, 'a key of the map does something').not.toEqual(was);
    await expect.poll(() => lastFrame(), { message: 'and it is seen' }).not.toBe(frame);
  });

  it('an unmapped key changes nothing on the screen and nothing behind it', async () => {
    const given = orders();
    const dash = dashOver(fullModel(), given);
    const { stdin, lastFrame, attach } = show(dash);
    const [frame, was] = [lastFrame(), dash.ui];
    for (const key of ['x', 'Z', '9', 'A', '\u001Ba', '\u001B[15~', '\u0004', '\u001A', '\u001B[1;5A'])
      stdin.write(key);
    stdin.write('?');
    await expect.poll(() => lastFrame()).toContain('While you write');
    stdin.write('?');
    await expect.poll(() => lastFrame()).toBe(frame);
    expect(dash.ui).toEqual(was);
    expect(given.given).toEqual([]);
    expect(attach).not.toHaveBeenCalled();
  });

  it('letters that come together are keys, a pasted text is none', async () => {
    const dash = dashOver(model());
    const { stdin } = show(dash);
    stdin.write('jjj');
    await expect.poll(() => dash.ui.cursors.agents.key).toBe('worker-4');
    stdin.write('\u001B[200~qqq jj\u001B[201~');
    stdin.write('quit if you can');
    await expect.poll(() => dash.ui.notice?.text).toContain('pasted');
    expect(dash.ui.cursors.agents.key).toBe('worker-4');
  });

  it('an order that was refused is told, and can be given again', async () => {
    const state = model({}, [fakePermission('worker-1', 'p1', 'npm install')]);
    const dash = dashOver(state, orders(new Error('nothing waits for an answer now')));
    const { stdin, lastFrame } = show(dash);
    stdin.write('a');
    await expect.poll(() => lastFrame()).toContain('nothing waits for an answer now');
    expect(dash.ui.answered).toEqual([]);
  });

  it('a terminal that cannot be had is told', async () => {
    const dash = dashOver(model());
    const { stdin, lastFrame } = show(
      dash,
      vi.fn(async () => Promise.reject(new Error('worker-1 has no terminal now'))),
    );
    stdin.write('\r');
    await expect.poll(() => lastFrame()).toContain('worker-1 has no terminal now');
  });
});
