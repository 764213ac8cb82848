import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SwarmError } from '../../../../src/domain/errors.ts';
import { prettyLine } from '../../../../src/cli/say/log-line.ts';
import { oneLine, plain, shortCommand, table, width } from '../../../../src/cli/say/output.ts';
import { screen } from '../run.ts';

describe('people and programs', () => {
  it('without --json the document is silent, with it everything else', () => {
    const [people, programs] = [screen(), screen({ json: true })];
    for (const { output } of [people, programs]) {
      output.document({ a: 1 });
      output.line('a is 1');
      output.note('working');
    }
    expect([people.stdout(), people.stderr()]).toEqual(['a is 1\n', 'working\n']);
    expect([programs.stdout(), programs.stderr()]).toEqual(['{"a":1}\n', '']);
  });

  it('an error is one or two lines on stderr, without a stack', () => {
    const seen = screen();
    seen.output.error(new SwarmError('x', 'it broke', { hint: 'Run `swarm up`.' }));
    expect(seen.stderr()).toBe('error: it broke\nRun `swarm up`.\n');
    expect(seen.stdout()).toBe('');
  });

  it('with --json an error is its document on stdout', () => {
    const seen = screen({ json: true });
    seen.output.error(new SwarmError('x', 'it broke', { exitCode: 3 }));
    expect(JSON.parse(seen.stdout())).toEqual({
      error: { code: 'x', message: 'it broke', retrySafe: false, exitCode: 3 },
    });
    expect(seen.stderr()).toBe('');
  });

  it('--debug shows the stack with its causes', () => {
    const seen = screen({ debug: true });
    seen.output.error(new SwarmError('x', 'it broke', { cause: new Error('the root') }));
    expect(seen.stderr()).toMatch(/\n {4}at /);
    expect(seen.stderr()).toContain('caused by Error: the root');
  });

  it('suggested commands are written as this person calls swarm', () => {
    const seen = screen({ command: './scripts/swarm' });
    seen.output.error(new SwarmError('x', 'it broke', { hint: 'Run `swarm up`.' }));
    expect(seen.stderr()).toContain('Run `./scripts/swarm up`.');
  });
});

describe('text of others', () => {
  it('cannot steer the terminal', () => {
    expect(plain('a\u001B[2Jb\u001B]0;title\u0007c\u001B]8;;http://x\u001B\\d\rE\u0000\u009B31mF\u202Eg\n\th')).toBe(
      'abcdE31mFg\n\th',
    );
  });

  it('is cut to columns, not to characters', () => {
    expect(oneLine('two  words\nand more', 9)).toBe('two word…');
    expect(oneLine('漢字漢字', 5)).toBe('漢字…');
    expect(width('é漢e\u0301👍')).toBe(6);
  });
});

it('columns are as wide as their widest cell, and lines have no trailing blanks', () => {
  expect(
    table(
      screen().output,
      ['A', 'B', 'C'],
      [
        ['漢', 'x', ''],
        ['1', 'long', 'z'],
      ],
    ),
  ).toEqual(['A   B     C', '漢  x', '1   long  z']);
});

it('on a terminal the last column ends where the line ends', () => {
  const { output } = screen();
  Object.assign(output.stdout, { isTTY: true, columns: 30 });
  const [, row] = table(output, ['A', 'B'], [['12345', 'x'.repeat(50)]]);
  expect(row).toBe(`12345  ${'x'.repeat(22)}…`);
});

it('a command that PATH finds is suggested by its name, any other as it was typed', () => {
  const node = process.execPath;
  expect(shortCommand(node, `/nowhere:${path.dirname(node)}`)).toBe(path.basename(node));
  expect(shortCommand(node, '/nowhere')).toBe(node);
  expect(shortCommand('scripts/swarm', path.dirname(node))).toBe('scripts/swarm');
});

describe('a line of a log', () => {
  const look = (line: string): string => prettyLine(line, screen().output);

  it('of pino is time, level, message and facts', () => {
    const line = JSON.stringify({
      level: 40,
      time: '2001-02-03T04:05:06.007Z',
      pid: 1,
      agent: 'worker-1',
      took: { ms: 5 },
      msg: 'slow',
    });
    expect(look(line)).toMatch(/^2001-02-0\d \d\d:\d\d:06\.007 warn {2}slow agent=worker-1 took=\{"ms":5\}$/);
  });

  it('with an error shows its message, and its stack from level error on', () => {
    const err = { type: 'Error', message: 'gone', stack: 'Error: gone\n    at x' };
    expect(look(JSON.stringify({ level: 30, msg: 'm', err }))).toBe('info  m gone');
    expect(look(JSON.stringify({ level: 50, msg: 'm', err }))).toBe('error m gone\n    Error: gone\n        at x');
  });

  it('that is no JSON, or half of it, is shown as it is, made harmless', () => {
    expect(look('plain \u001B[31mred')).toBe('plain red');
    expect(look('{"level":30,"ms')).toBe('{"level":30,"ms');
  });
});
