import { execa } from 'execa';
import { describe, expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { TMUX_CONF } from '../../support/tmux.ts';
import { test, type Place } from './dash-pane.ts';
import { fakeAgent, fakeStatus } from './fake-supervisor.ts';

/** Runs tmux on the project's own server. */
function projectTmux(place: Place) {
  return async (...args: string[]): Promise<string> => {
    const { stdout } = await execa('tmux', ['-S', place.tmuxSocket, '-f', TMUX_CONF, ...args], {
      env: place.environment.variables,
      extendEnv: false,
    });
    return stdout;
  };
}

/** Sessions as the supervisor makes them, each with a program that prints its agent's name and the typed text. */
async function startAgents(place: Place, ids: readonly string[]): Promise<void> {
  const tmux = projectTmux(place);
  for (const id of ids)
    await tmux('new-session', '-d', '-s', id, '-x', '100', '-y', '30', 'sh', '-c', `echo I am ${id}; exec cat`);
}

describe('swarm grid', () => {
  test('shows every terminal at once, types into none, and leaves nothing behind', async ({ place }) => {
    const ids = ['worker-1', 'worker-2', 'worker-3'];
    await place.supervisor(
      fakeStatus([...ids.map((id) => fakeAgent(id)), fakeAgent('worker-4', { status: 'stopped', session: null })]),
    );
    await startAgents(place, ids);
    const terminal = await place.terminal(['grid'], { columns: 120, rows: 40 });
    for (const id of ids) await terminal.shows(`I am ${id}`);
    await terminal.shows('back: q or Ctrl-b d');
    // At once, as a busy machine hands them on: tmux would take the third for part of a paste.
    await terminal.keys('x', 'Enter', 'q');
    await terminal.ends(0);
    const tmux = projectTmux(place);
    await eventually(
      async () => (await tmux('list-sessions', '-F', '#{session_name}')).split('\n'),
      'only the agents left',
    ).toEqual(ids);
    await eventually(() => tmux('list-clients'), 'no client attached').toBe('');
    for (const id of ids) expect(await tmux('capture-pane', '-p', '-t', `=${id}:`)).not.toContain('x');
  });

  test('goes with its terminal', async ({ place }) => {
    await place.supervisor(fakeStatus([fakeAgent('worker-1')]));
    await startAgents(place, ['worker-1']);
    const terminal = await place.terminal(['grid']);
    await terminal.shows('I am worker-1');
    await terminal.close();
    const tmux = projectTmux(place);
    await eventually(() => tmux('list-sessions', '-F', '#{session_name}'), 'only the agent left').toBe('worker-1');
  });

  test('says so where nothing can be shown', async ({ place }) => {
    await place.supervisor(fakeStatus([fakeAgent('worker-1', { status: 'stopped', session: null })]));
    const terminal = await place.terminal(['grid']);
    await terminal.shows('no agent has a terminal now');
    await terminal.ends(1);
  });
});
