import { describe, expect, test } from 'vitest';
import { hasPrefix } from '../../../src/process/marks.ts';
import { parseVariables } from '../../../src/process/ps.ts';
import { parseProcStat, parsePs, type ProcessRow } from '../../../src/process/row.ts';
import { descendants, tableOf } from '../../../src/process/table.ts';
import { treeMembers } from '../../../src/process/tree.ts';
import { treeUsage } from '../../../src/process/usage.ts';

const UNITS = { ticksPerSecond: 100, pageBytes: 4096 };
const TAIL =
  'S 8461 8460 2951 34816 8461 4194304 99 0 0 0 150 50 7 3 20 0 1 0 193820 3133440 394 18446744073709551615 0 0';

describe('a line of /proc/PID/stat', () => {
  test.each(['cat', 'a b', ') S 1 1', 'x\ny', '((', ''])('is read whatever the program is called: %j', (command) => {
    expect(parseProcStat(`8468 (${command}) ${TAIL}`, UNITS)).toEqual({
      pid: 8468,
      ppid: 8461,
      pgrp: 8460,
      session: 2951,
      state: 'S',
      alive: true,
      startTime: '193820',
      cpuMs: 2000,
      childCpuMs: 100,
      rssBytes: 394 * 4096,
      tty: '34816',
      command,
    });
  });

  test('a zombie is dead unless other threads of it run', () => {
    expect(parseProcStat(`1 (z) ${TAIL.replace('S', 'Z')}`, UNITS)?.alive).toBe(false);
    const threads = TAIL.replace('S', 'Z').replace('20 0 1 0', '20 0 3 0');
    expect(parseProcStat(`1 (z) ${threads}`, UNITS)?.alive).toBe(true);
    expect(parseProcStat(`1 (t) ${TAIL.replace('S', 'T')}`, UNITS)?.alive).toBe(true);
  });

  test.each(['', '12', '12 (x', '12 (x) S 1'])('%j is no such line', (text) => {
    expect(parseProcStat(text, UNITS)).toBeNull();
  });
});

describe('ps', () => {
  test('the BSD and the procps layout give the same rows', () => {
    const bsd = '  501   1   501  2048   1:02.50 ttys001  Ss+  Fri Nov 21 12:51:07 2031 /usr/bin/my program';
    const procps = '    501       1     501  2048 1-00:01:02 ?    Z    Fri Nov  1 12:51:07 2031 sleep <defunct>';
    expect(parsePs(`${bsd}\n\n${procps}\n`)).toMatchObject([
      {
        pid: 501,
        ppid: 1,
        pgrp: 501,
        rssBytes: 2_097_152,
        cpuMs: 62_500,
        tty: 'ttys001',
        state: 'S',
        alive: true,
        startTime: 'Fri Nov 21 12:51:07 2031',
        command: '/usr/bin/my program',
      },
      { cpuMs: 86_462_000, tty: null, state: 'Z', alive: false, startTime: 'Fri Nov 1 12:51:07 2031' },
    ]);
  });

  test('variables are found behind the arguments', () => {
    const text =
      ' 12 sleep 5 HOME=/home/ada MARK=p/a/-/- TERM=x\n 13 sleep 6 HOME=/home/ada\n 14 sh XMARK=no MARK=p/b\n';
    expect([...parseVariables(text, 'MARK')]).toEqual([
      [12, 'p/a/-/-'],
      [14, 'p/b'],
    ]);
  });
});

test('a mark begins with whole components only', () => {
  expect(hasPrefix('p/worker-1/t/1', 'p/worker-1')).toBe(true);
  expect(hasPrefix('p/worker-1', 'p/worker-1')).toBe(true);
  expect(hasPrefix('p/worker-1/t', 'p/worker-1/')).toBe(true);
  expect(hasPrefix('p/worker-10/t/1', 'p/worker-1')).toBe(false);
});

function row(pid: number, ppid: number, more: Partial<ProcessRow> = {}): ProcessRow {
  return {
    pid,
    ppid,
    pgrp: pid,
    session: pid,
    state: 'S',
    alive: true,
    startTime: `s${pid}`,
    cpuMs: 0,
    childCpuMs: 0,
    rssBytes: 100,
    tty: null,
    command: 'x',
    ...more,
  };
}

const identity = (pid: number, startTime = `s${pid}`, boot = 'boot') => ({ pid, startTime, bootId: boot });

function members(
  rows: ProcessRow[],
  query: { known?: ReturnType<typeof identity>[]; marked?: number[]; spare?: number[] },
): number[] {
  const { known = [], marked = [], spare = [] } = query;
  return treeMembers({ known, marked, spare: new Set(spare), bootId: 'boot' }, tableOf(rows, 0)).map(({ pid }) => pid);
}

describe('the members of a tree', () => {
  test('are all below a root, parents first', () => {
    const rows = [row(1, 0), row(30, 20), row(20, 10), row(10, 1), row(40, 1)];
    expect(members(rows, { known: [identity(10)] })).toEqual([10, 20, 30]);
  });

  test('are orphans in a session or group that a member leads or led, and all below those', () => {
    const rows = [
      row(1, 0),
      row(11, 1, { session: 10 }),
      row(12, 11),
      row(13, 1, { pgrp: 12, session: 99 }),
      row(14, 1),
    ];
    expect(members(rows, { known: [identity(10)] })).toEqual([11, 12, 13]);
  });

  test('are not what came to bear the number of a dead root, nor its followers', () => {
    const rows = [row(1, 0), row(10, 1, { startTime: 'later' }), row(11, 10, { session: 10 })];
    expect(members(rows, { known: [identity(10)] })).toEqual([]);
    expect(members(rows, { known: [identity(10, 'later', 'boot before')] })).toEqual([]);
  });

  test('are the marked ones wherever they hang, zombies not', () => {
    const rows = [row(1, 0), row(10, 1), row(11, 10), row(12, 1), row(13, 10, { alive: false, state: 'Z' })];
    expect(members(rows, { marked: [10] })).toEqual([10, 11]);
  });

  test('never are the spared ones and what hangs below them, nor pid 1', () => {
    const rows = [row(1, 0), row(10, 1), row(11, 10), row(12, 11), row(13, 10)];
    expect(members(rows, { known: [identity(10)], spare: [11] })).toEqual([10, 13]);
    expect(members(rows, { marked: [1] })).toEqual([]);
  });

  test('a table made cyclic by reused numbers ends the walk', () => {
    expect(descendants(10, tableOf([row(10, 12), row(11, 10), row(12, 11)], 0)).map(({ pid }) => pid)).toEqual([
      11, 12,
    ]);
  });
});

describe('what a tree uses', () => {
  const before = tableOf([row(10, 1, { cpuMs: 100 }), row(11, 10, { cpuMs: 500 })], 1000);

  test('is the time of all its processes between two scans, 100 a core', () => {
    const after = tableOf([row(10, 1, { cpuMs: 150 }), row(11, 10, { cpuMs: 950 })], 2000);
    expect(treeUsage(before, after, 10)).toEqual({ processes: 2, rssBytes: 200, cpuPercent: 50 });
  });

  test('does not lose a child that ended and was waited for', () => {
    const after = tableOf([row(10, 1, { cpuMs: 150, childCpuMs: 900 })], 2000);
    expect(treeUsage(before, after, 10)).toEqual({ processes: 1, rssBytes: 100, cpuPercent: 45 });
  });

  test('has no percentage at first sight or after the root was replaced, and is never negative', () => {
    expect(treeUsage(null, before, 10)?.cpuPercent).toBeNull();
    expect(treeUsage(before, tableOf([row(10, 1, { startTime: 'later' })], 2000), 10)?.cpuPercent).toBeNull();
    expect(treeUsage(before, tableOf([row(10, 1, { cpuMs: 150 })], 2000), 10)?.cpuPercent).toBe(0);
    expect(treeUsage(before, tableOf([row(99, 1)], 2000), 10)).toBeNull();
  });
});
