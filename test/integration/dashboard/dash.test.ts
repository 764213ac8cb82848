import { describe, expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { test } from './dash-pane.ts';
import { fakeAgent, fakePermission, fakeStatus, fakeTask } from './fake-supervisor.ts';

describe('swarm dash in a terminal', () => {
  test('opens on what needs the person, and one key decides it', async ({ place }) => {
    const supervisor = await place.supervisor(
      fakeStatus([fakeAgent('worker-1', { status: 'needs-you' }), fakeAgent('worker-2')], { needsYou: [fakePermission('worker-1', 'p1', 'npm install')] }),
    );
    supervisor.tasks = [fakeTask('t1', 'Make the shop faster')];
    const terminal = await place.terminal(['dash']);
    await terminal.shows('1 needs you');
    await terminal.shows(/› worker-1 .*npm install/);
    await terminal.shows('Make the shop faster');
    await terminal.keys('a');
    await eventually(() => supervisor.orders).toEqual([{ path: '/v1/agents/worker-1/answer', body: { needsYou: 'p1', decision: 'allow' } }]);
    await terminal.shows('worker-1: allow sent');
    await terminal.keys('q');
    await eventually(() => terminal.exitCode()).toBe(0);
    expect(await terminal.screen(), 'the screen as it was before').not.toContain('worker-1');
  });
});
