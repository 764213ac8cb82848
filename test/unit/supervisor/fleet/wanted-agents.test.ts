import { describe, expect, test } from 'vitest';
import { baseNotes, wantedAgents, type KnownAgent } from '../../../../src/supervisor/fleet/wanted-agents.ts';
import { config } from '../kit.ts';

const known = (id: string, fields: Partial<KnownAgent> = {}): KnownAgent => ({
  id,
  role: id.replace(/-\d+$/, ''),
  kind: 'claude',
  desired: 'up',
  ...fields,
});

describe('the agents after up', () => {
  const two = config({ agents: { worker: { count: 2 }, reviewer: {} } });
  const wanted = (settings: typeof two, agents: readonly KnownAgent[], workers?: number): string =>
    wantedAgents(settings, agents, workers === undefined ? {} : { workers })
      .map(({ id, desired }) => (desired === 'up' ? id : `-${id}`))
      .join(' ');

  test.each<[string, readonly KnownAgent[], number | undefined, string]>([
    ['the first time: the counts of swarm.yaml', [], undefined, 'worker-1 worker-2 reviewer-1'],
    ['with a number: so many workers', [], 3, 'worker-1 worker-2 worker-3 reviewer-1'],
    [
      'again without a number: those that were up before',
      [known('worker-1'), known('worker-4'), known('reviewer-1')],
      undefined,
      'worker-1 worker-4 reviewer-1',
    ],
    [
      'one that was stopped by hand stays so',
      [known('worker-1'), known('worker-2', { desired: 'stopped' }), known('reviewer-1')],
      undefined,
      'worker-1 reviewer-1',
    ],
    [
      'fewer than before: the rest is stopped',
      [known('worker-1'), known('worker-2'), known('worker-3'), known('reviewer-1')],
      1,
      'worker-1 -worker-2 -worker-3 reviewer-1',
    ],
    [
      'a paused one was up',
      [known('worker-1', { desired: 'paused' }), known('reviewer-1')],
      undefined,
      'worker-1 reviewer-1',
    ],
    [
      'all were stopped: the counts again',
      [known('worker-1', { desired: 'stopped' })],
      undefined,
      'worker-1 worker-2 reviewer-1',
    ],
    ['a role that is new comes with its count', [known('worker-1')], undefined, 'worker-1 reviewer-1'],
    [
      'one whose role is gone is stopped',
      [known('worker-1'), known('reviewer-1'), known('tester-1')],
      undefined,
      'worker-1 reviewer-1 -tester-1',
    ],
    [
      'only roles that are gone were up: the counts again',
      [known('tester-1')],
      undefined,
      'worker-1 worker-2 reviewer-1 -tester-1',
    ],
  ])('%s', (_name, agents, workers, expected) => {
    expect(wanted(two, agents, workers)).toBe(expected);
  });

  test('a role that changed its kind comes back as the new one', () => {
    const settings = config({ agents: { worker: { kind: 'shell', count: 1 } } });
    expect(wantedAgents(settings, [known('worker-1')], {})).toEqual([
      { id: 'worker-1', role: 'worker', kind: 'shell', desired: 'up' },
    ]);
  });

  test('no agent at all is refused', () => {
    const nobody = config({ agents: { worker: { count: 0 } } });
    expect(() => wantedAgents(nobody, [], {})).toThrow('swarm.yaml wants no agents at all');
  });
});

describe('what the person should know of the base', () => {
  const main = { branch: 'main', commit: 'c0ffee0000000000' };
  const detached = { branch: null, commit: 'c0ffee0000000000' };

  test('nothing where all is committed', () => {
    expect(baseNotes(main, { count: 0, names: [] }, false)).toEqual([]);
    // The committed settings count: an uncommitted swarm.yaml alone is no reason for a note.
    expect(baseNotes(main, { count: 1, names: ['swarm.yaml'] }, false)).toEqual([]);
  });

  test('what is not committed is not in the worktrees, unless it was asked for', () => {
    const dirty = { count: 5, names: ['a', 'b', 'c', 'd', 'e'] };
    expect(baseNotes(main, dirty, false)).toEqual([
      expect.stringMatching(
        /^5 uncommitted change\(s\) \(a, b, c, …\) are not in the worktrees, which start from branch main/,
      ),
    ]);
    expect(baseNotes(main, dirty, true)).toEqual([
      '5 uncommitted change(s) (a, b, c, …) are part of what the agents see',
    ]);
    expect(baseNotes(main, { count: 1, names: ['a'] }, true)[0]).toContain('(a)');
  });

  test('a detached HEAD has no branch to merge into', () => {
    expect(baseNotes(detached, { count: 0, names: [] }, false)).toEqual([
      expect.stringContaining('merge needs --into BRANCH'),
    ]);
  });
});
