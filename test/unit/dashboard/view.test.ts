import { describe, expect, it } from 'vitest';
import { width } from '../../../src/lib/columns.ts';
import type { Model } from '../../../src/dashboard/model.ts';
import { commandHelp } from '../../../src/dashboard/commands.ts';
import { helpLines } from '../../../src/dashboard/keys.ts';
import { press } from '../../../src/dashboard/press.ts';
import { unpainted, wrap } from '../../../src/dashboard/text.ts';
import { startWith, type Ui } from '../../../src/dashboard/ui.ts';
import { shareRows, viewOf, type View } from '../../../src/dashboard/view.ts';
import { fakeAgent, fakePermission, fakeStatus, fakeTask } from '../../integration/dashboard/fake-supervisor.ts';
import { fullModel, model, NOW } from './support.ts';

function linesOf(view: View): string[] {
  return [
    view.header,
    ...(view.banner === null ? [] : [view.banner]),
    ...view.panes.flatMap(({ title, lines }) => [title, ...lines]),
    ...(view.text ?? []),
    ...view.footer,
  ];
}

function screen(state: Model, ui: Ui = startWith(state), columns = 80, rows = 24): string[] {
  return linesOf(viewOf(state, ui, { columns, rows, paint: unpainted, now: new Date(NOW) }));
}

function after(state: Model, ...keys: string[]): Ui {
  return keys.reduce((ui, key) => press(ui, state, key, NOW).ui, startWith(state));
}

const SIZES = [
  [80, 24],
  [81, 25],
  [120, 40],
  [250, 80],
] as const;

describe('the screen', () => {
  it.each(SIZES)('%i×%i: nothing is wider or higher than it, whatever is in it', (columns, rows) => {
    const long = '漢字 and a very long text without an end '.repeat(30);
    const worst: Model = {
      ...fullModel(),
      status: fakeStatus(
        [
          fakeAgent('an-agent-with-a-long-name-that-goes-on', {
            reason: long,
            task: 't123456',
            costUsd: 12,
            restarts: 3,
          }),
        ],
        { needsYou: [fakePermission('a', 'b', long)] },
      ),
      tasks: [fakeTask('t1', long, { reason: long })],
      away: long,
    };
    for (const state of [worst, fullModel(), model(), { ...model(), status: null }]) {
      for (const keys of [[], ['?'], ['i'], [':', ...'task add '.repeat(40).split('')], ['2', 'i'], ['3'], ['4']]) {
        const lines = screen(state, after(state, ...keys), columns, rows);
        expect(lines.length).toBeLessThanOrEqual(rows - 1);
        for (const line of lines) expect(width(line), line).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('the row under the cursor is always on it', () => {
    const state = fullModel();
    for (const pane of ['1', '2', '3', '4'])
      for (const keys of [['G'], ['pagedown'], ['G', 'k', 'k']])
        expect(screen(state, after(state, pane, ...keys)).filter((line) => line.startsWith('› '))).toHaveLength(1);
  });

  it('what would be allowed is shown as it is, before it is allowed', () => {
    const state = model({}, [fakePermission('worker-1', 'p1', 'cd build\nrm -rf cache\nnpm run all')]);
    expect(screen(state).join('\n')).toMatch(/cd build\n.*rm -rf cache\n.*npm run all/);
  });

  it('text of agents cannot steer the terminal', () => {
    const state = model({}, [fakePermission('worker-1', 'p1', 'echo \u001B[2J\u001B]0;title\u0007 \u009B5n')]);
    for (const ui of [after(state), after(state, 'i'), after(state, '2', 'i')])
      expect(screen(state, ui).join('')).not.toMatch(/\p{Cc}/u);
  });

  it('says that the supervisor is away, and goes on to show what it knows', () => {
    const lines = screen(model({ away: 'swarm is not up for this repository' }));
    expect(lines[1]).toContain('The supervisor is away');
    expect(lines.join('\n')).toContain('worker-1');
  });

  it('a terminal that is too small is told so in one line', () => {
    for (const [columns, rows] of [
      [79, 24],
      [80, 13],
      [10, 3],
    ] as const)
      expect(screen(model(), startWith(model()), columns, rows)).toHaveLength(1);
    expect(screen(model(), startWith(model()), 60, 20)[0]).toContain('needs 80×14, this is 60×20');
  });

  it('leaving and help are told at the bottom, however much there is to say', () => {
    for (const state of [fullModel(), model()])
      for (const keys of ['1', '2', '3', '4'])
        expect(screen(state, after(state, keys)).at(-1)).toMatch(/\? help · q leave$/);
  });

  it('every command is named at once at eighty columns, and how it is used when it is clear which', () => {
    const state = model();
    const offered = (text: string): string => screen(state, after(state, ':', ...text.split(''))).at(-2) ?? '';
    expect(offered('')).toBe('task · send · pause · resume · restart · stop · rm · scale · help · quit');
    expect(offered('task ')).toBe('task add WHAT IS TO BE DONE · task cancel [TASK] · task retry [TASK]');
    expect(offered('sc')).toBe('scale N');
  });

  it('no line of the help is cut at eighty columns', () => {
    expect([...helpLines(), ...commandHelp()].filter((line) => width(line) > 80)).toEqual([]);
  });

  it('time that passes changes nothing on it', () => {
    const state = fullModel();
    const at = (ms: number): string[] =>
      linesOf(viewOf(state, startWith(state), { columns: 80, rows: 24, paint: unpainted, now: new Date(NOW + ms) }));
    expect(at(90_000)).toEqual(at(0));
  });
});

describe('sharing the rows', () => {
  it('the pane that is looked at comes first, no pane vanishes, none gets more than it wants', () => {
    expect(shareRows([1, 50, 50, 50], 1, 20)).toEqual([1, 11, 2, 2]);
    expect(shareRows([1, 50, 50, 50], 3, 20)).toEqual([1, 2, 2, 11]);
    expect(shareRows([0, 3, 0, 1], 1, 20)).toEqual([0, 3, 0, 1]);
    expect(shareRows([9, 9, 9, 9], 0, 4)).toEqual([0, 0, 0, 0]);
  });
});

describe('wrapping', () => {
  it('breaks between words, and words that are longer than the line', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl']);
    expect(wrap('a\n\n  b', 10)).toEqual(['a', '', '  b']);
  });
});
