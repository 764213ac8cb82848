import { describe, expect, test } from 'vitest';
import { attachArgv } from '../../../src/tmux/attach.ts';
import { ControlStream } from '../../../src/tmux/control-stream.ts';
import { errorOf } from '../../../src/tmux/errors.ts';
import { parseVersion } from '../../../src/tmux/one-shot.ts';
import { commandLine, plainFormat, quote } from '../../../src/tmux/quote.ts';
import { endingUnknown, paneFormat, PaneReader, parseClients } from '../../../src/tmux/rows.ts';

const RECORDED = `%begin 1795266201 263 0
%end 1795266201 263 0
%window-add @0
%sessions-changed
%session-changed $0 _keeper
%begin 1795266202 271 1
$1 %1 17906
%end 1795266202 271 1
%begin 1795266202 276 1
duplicate session: a
%error 1795266202 276 1
%begin 1795266202 277 1
%end 1795266202 999 1
%sessions-changed
Grüße 🐝
%end 1795266202 277 1
%exit
`;

describe('the control stream', () => {
  const expected = [
    { type: 'reply', ours: false, ok: true, lines: [] },
    { type: 'notice', name: 'window-add', rest: '@0' },
    { type: 'notice', name: 'sessions-changed', rest: '' },
    { type: 'notice', name: 'session-changed', rest: '$0 _keeper' },
    { type: 'reply', ours: true, ok: true, lines: ['$1 %1 17906'] },
    { type: 'reply', ours: true, ok: false, lines: ['duplicate session: a'] },
    { type: 'reply', ours: true, ok: true, lines: ['%end 1795266202 999 1', '%sessions-changed', 'Grüße 🐝'] },
    { type: 'notice', name: 'exit', rest: '' },
  ];

  test('is the same events wherever the bytes are cut', () => {
    const bytes = Buffer.from(RECORDED);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const stream = new ControlStream();
      expect([...stream.push(bytes.subarray(0, cut)), ...stream.push(bytes.subarray(cut))]).toEqual(expected);
    }
  });

  test('output that forges the end of its block is noticed at the true end', () => {
    const forged = '%begin 1 7 1\nmine\n%end 1 7 1\nrest\n%end 1 7 1\n';
    expect(new ControlStream().push(Buffer.from(forged)).map(({ type }) => type)).toEqual([
      'reply',
      'broken',
      'broken',
    ]);
  });
});

describe('quoting', () => {
  test.each([
    ['', `''`],
    ['%if', `'%if'`],
    ["it's", `'it'"'"'s'`],
    ['a\nb', `'a'"\\012"'b'`],
    ['$HOME #{x} ; \\ ~', `'$HOME #{x} ; \\ ~'`],
  ])('%j', (word, quoted) => {
    expect(quote(word)).toBe(quoted);
  });

  test('a run of commands is one line whatever the words hold', () => {
    expect(
      commandLine([
        ['a', 'x\ny\r'],
        ['b', ';'],
      ]),
    ).toBe(`'a' 'x'"\\012"'y'"\\015" ; 'b' ';'`);
  });

  test('what the kernel or tmux would refuse without a reason is refused with one', () => {
    expect(() => quote('a\0b')).toThrow(expect.objectContaining({ code: 'tmux-argument', reached: 'no' }));
    expect(() => quote('x'.repeat(128 * 1024))).toThrow(
      expect.objectContaining({ code: 'tmux-too-long', reached: 'no' }),
    );
    const big = 'x'.repeat(100_000);
    expect(() => commandLine([Array.from({ length: 11 }, () => big)])).toThrow(
      expect.objectContaining({ code: 'tmux-too-long' }),
    );
  });

  test.each([
    ['#{x}', '##{x}'],
    ['#(touch /tmp/x)', '##(touch /tmp/x)'],
    ['##', '####'],
    ['#[y]', '#[y]'],
    ['##[y]', '##[y]'],
    ['plain', 'plain'],
  ])('a format made plain: %s', (text, plain) => {
    expect(plainFormat(text)).toBe(plain);
  });
});

describe('rows', () => {
  const options = ['@swarm_agent', '@swarm_task'];

  test('a living, an exited and a killed pane', () => {
    expect(paneFormat(options).split('\t')).toHaveLength(10);
    const rows = new PaneReader(options).read([
      '%1\t$1\tworker-1\t42\t0\t\t\t2\tworker-1\tFix it',
      '%2\t$2\tb\t43\t1\t3\t\t0\t\t',
      '%3\t$3\tc\t44\t1\t\t9\t0\t\t',
    ]);
    expect(rows[0]).toEqual({
      pane: '%1',
      sessionId: '$1',
      session: 'worker-1',
      pid: 42,
      dead: false,
      deadStatus: null,
      deadSignal: null,
      clients: 2,
      options: { '@swarm_agent': 'worker-1', '@swarm_task': 'Fix it' },
    });
    expect(rows[1]).toMatchObject({ dead: true, deadStatus: 3, deadSignal: null, options: {} });
    expect(rows[2]).toMatchObject({ dead: true, deadStatus: null, deadSignal: 9 });
    expect(rows.map(endingUnknown)).toEqual([false, false, false]);
    expect(new PaneReader(options).read(['%3\t$3\tc\t44\t1\t\t\t0\t\t']).map(endingUnknown)).toEqual([true]);
  });

  test('of tmux 3.8: a dead pane has no pid, and one whose program closed its terminal counts as dead', () => {
    const rows = new PaneReader(options).read(['%1\t$1\ta\t\t1\t3\t\t0\ta\t', '%2\t$2\tb\t\t0\t\t\t0\tb\t']);
    expect(rows).toMatchObject([
      { pid: null, dead: true, deadStatus: 3 },
      { pid: null, dead: true, deadStatus: null, deadSignal: null },
    ]);
    expect(rows.map(endingUnknown)).toEqual([false, true]);
  });

  test('a line that is as it was gives the row that it gave, and any other a row of its own', () => {
    const reader = new PaneReader(options);
    const [one, two, dead] = [
      '%1\t$1\ta\t42\t0\t\t\t0\ta\t',
      '%2\t$2\tb\t43\t0\t\t\t0\tb\t',
      '%2\t$2\tb\t43\t1\t\t9\t0\tb\t',
    ];
    const first = reader.read([one, two]);
    const second = reader.read([one, dead]);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).toMatchObject({ pane: '%2', dead: true, deadSignal: 9 });
    // All further rows move up by one.
    expect(reader.read([two])).toEqual([first[1]]);
    expect(reader.read([])).toEqual([]);
    expect(reader.read([two, one])).toEqual([first[1], first[0]]);
  });

  test('programs are no people', () => {
    expect(parseClients(['1\t_keeper\t1795266201\t', '0\tworker-1\t1795266205\t/dev/pts/3'])).toEqual([
      { session: 'worker-1', activity: 1_795_266_205, tty: '/dev/pts/3' },
    ]);
  });
});

test.each([
  ['tmux 3.3a', 3, 3],
  ['tmux 3.2', 3, 2],
  ['tmux next-3.5\n', 3, 5],
  ['tmux 1.8', 1, 8],
  ['tmux master', Number.MAX_SAFE_INTEGER, 0],
])('%j is a version', (said, major, minor) => {
  expect(parseVersion(said)).toMatchObject({ major, minor });
});

test.each([
  ['no server running on /x', 'tmux-no-server', true],
  ['error connecting to /x (No such file or directory)', 'tmux-no-server', true],
  ["can't find pane: %9", 'tmux-no-target', true],
  ['duplicate session: a', 'tmux-duplicate', true],
  ['respawn pane failed: pane a:0.0 still active', 'tmux-pane-active', true],
  ['server exited unexpectedly', 'tmux-gone', false],
  ['something new', 'tmux-refused', false],
  ['', 'tmux-refused', false],
])('tmux saying %j is %s', (said, code, retrySafe) => {
  expect(errorOf(said, 'x')).toMatchObject({ code, retrySafe });
});

test('attaching names the session exactly and tells the way back, also out of a tmux in a tmux', () => {
  const plain = attachArgv({ program: 'tmux', socket: '/s', session: 'worker-1', insideTmux: false });
  expect(plain.argv).toEqual(['tmux', '-N', '-u', '-S', '/s', 'attach-session', '-t', '=worker-1']);
  expect(plain.unset).toEqual(['TMUX', 'TMUX_PANE']);
  expect(plain.wayBack).toContain('Ctrl-b d');
  expect(attachArgv({ program: 'tmux', socket: '/s', session: 'a', insideTmux: true, readOnly: true })).toMatchObject({
    argv: expect.arrayContaining(['-f', 'read-only,ignore-size']),
    wayBack: expect.stringContaining('Ctrl-b Ctrl-b d'),
  });
});
