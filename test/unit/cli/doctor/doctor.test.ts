import { describe, expect, it } from 'vitest';
import {
  blocks,
  findingLines,
  findingOf,
  summary,
  toFinding,
  type Finding,
} from '../../../../src/cli/doctor/finding.ts';
import { diskFinding, type Room } from '../../../../src/cli/doctor/places.ts';
import { checkSs } from '../../../../src/cli/doctor/programs.ts';
import { mirrorRemotes } from '../../../../src/cli/doctor/project.ts';
import { SwarmError } from '../../../../src/domain/errors.ts';
import { screen } from '../run.ts';

const finding = (change: Partial<Finding>): Finding => ({ check: 'git', severity: 'ok', text: 'git 2.39', ...change });

describe('a finding', () => {
  it('that is good is one line', () => {
    expect(findingLines(finding({}), screen().output)).toEqual(['ok    git 2.39']);
  });

  it('that is not says why and what to do, as this person would type it', () => {
    const bad = finding({ severity: 'error', text: 'no', cause: 'because', cure: 'Run `swarm up`.', fix: 'possible' });
    expect(findingLines(bad, screen({ command: './s' }).output)).toEqual([
      'FAIL  no',
      '      because',
      '      Run `./s up`.',
      '      `./s doctor --fix` does it.',
    ]);
  });

  it('that was put right needs no cure and blocks no more', () => {
    const done = finding({ severity: 'error', text: 'removed', cause: 'was stale', cure: 'rm it', fix: 'done' });
    expect(findingLines(done, screen().output)).toEqual(['done  removed', '      was stale']);
    expect(blocks(done)).toBe(false);
    expect(blocks({ ...done, fix: 'failed' })).toBe(true);
  });

  it('cannot steer the terminal', () => {
    expect(findingLines(finding({ text: 'a\u001B[2Jb' }), screen().output)).toEqual(['ok    ab']);
  });

  it('made of an error keeps its hint; what can repair it is not part of the document', () => {
    expect(findingOf('git', new SwarmError('x', 'no git\nmore', { hint: 'Install it.' }))).toMatchObject({
      severity: 'error',
      text: 'no git',
      cure: 'Install it.',
    });
    const shown = toFinding({ ...finding({}), repair: () => Promise.resolve('') });
    expect(shown).toEqual(finding({ fix: 'possible' }));
  });
});

describe('what tells a long answer from a hang', () => {
  it('is missed on Linux, with the package that has it', () => {
    expect(checkSs({ PATH: '/nowhere' }, 'linux')).toMatchObject([
      { check: 'ss', severity: 'warning', cure: 'Install the package iproute2.' },
    ]);
    expect(checkSs({ PATH: '/nowhere' }, 'darwin')).toEqual([]);
  });
});

describe('the last line', () => {
  it.each<[Finding[], string]>([
    [[finding({}), finding({ severity: 'note' })], 'Nothing is in the way.'],
    [[finding({ severity: 'warning' })], 'Nothing is in the way: 1 to look at.'],
    [[finding({ severity: 'error' }), finding({ severity: 'warning' })], '1 in the way, 1 to look at.'],
    [[finding({ severity: 'warning', fix: 'done' })], 'Nothing is in the way: 1 put right.'],
  ])('%#', (findings, text) => {
    expect(summary(findings)).toBe(text);
  });
});

describe('the disk', () => {
  const MIB = 1024 * 1024;
  const room: Room = {
    place: '/s',
    what: 'logs',
    free: 5_000 * MIB,
    inodes: 100_000,
    least: 300 * MIB,
    little: 2_048 * MIB,
  };
  it('blocks where the broker would stop, warns before, and knows of inodes', () => {
    expect(diskFinding(room)).toEqual([]);
    expect(diskFinding({ ...room, inodes: null })).toEqual([]);
    expect(diskFinding({ ...room, free: 1_000 * MIB })).toMatchObject([
      { severity: 'warning', text: '/s (logs) has only 1000 MiB left' },
    ]);
    expect(diskFinding({ ...room, free: 1 * MIB })).toMatchObject([
      { severity: 'error', text: '/s (logs) has only 1024 KiB left' },
    ]);
    expect(diskFinding({ ...room, inodes: 3 })).toMatchObject([{ severity: 'error' }]);
  });
});

describe('remotes', () => {
  it('that mirror, by flag or by refspec, are named once', () => {
    const text =
      'remote.a.b.mirror\ntrue\0remote.off.mirror\nfalse\0remote.all.push\n+refs/*:refs/*\0remote.heads.push\nrefs/heads/*:refs/heads/*\0remote.bare.mirror\0remote.all.mirror\nyes\0';
    expect(mirrorRemotes(text)).toEqual(['a.b', 'all', 'bare']);
    expect(mirrorRemotes('')).toEqual([]);
  });
});
