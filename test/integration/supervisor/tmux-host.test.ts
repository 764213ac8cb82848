import { rm } from 'node:fs/promises';
import { expect, vi } from 'vitest';
import { WRAPPER_MARK } from '../../../src/domain/marks.ts';
import { lostServer } from '../../../src/supervisor/fleet/lost-server.ts';
import { AGENT_OPTION, processLives, PROJECT_OPTION, TmuxHost } from '../../../src/supervisor/fleet/tmux-host.ts';
import type { Tmux } from '../../../src/tmux/index.ts';
import { listens } from '../../../src/tmux/socket.ts';
import { eventually } from '../../support/eventually.ts';
import { test, type TmuxPlace } from '../../support/tmux.ts';

const SLEEP = { argv: ['sleep', '600'], cwd: '/', env: {} };

function hostOf(place: TmuxPlace): { host: TmuxHost; gone: () => number; latest: () => Tmux | null } {
  let gone = 0;
  let latest: Tmux | null = null;
  const host = new TmuxHost({
    project: 'p',
    processLives,
    serverLives: () => listens(place.options.socket),
    lostServer: () => lostServer('p', place.options.socket),
    endUnheard: async () => false,
    open: async () => (latest = await place.open({ paneOptions: [AGENT_OPTION, PROJECT_OPTION] })),
    onGone: () => (gone += 1),
  });
  return { host, gone: () => gone, latest: () => latest };
}

async function view(host: TmuxHost, agent: string) {
  return (await host.look()).get(agent) ?? null;
}

test('where no server lives there are no panes, and looking starts none', async ({ place }) => {
  const { host } = hostOf(place);
  expect((await host.look()).size).toBe(0);
  expect(await listens(place.options.socket)).toBe(false);
});

test('an agent that died is started again in its own pane', async ({ place }) => {
  const { host } = hostOf(place);
  await host.run('worker-1', null, SLEEP);
  const first = await view(host, 'worker-1');
  expect(first?.dead).toBe(false);
  process.kill(first?.pid ?? 0, 'SIGKILL');
  await eventually(async () => (await view(host, 'worker-1'))?.dead).toBe(true);
  await host.run('worker-1', await view(host, 'worker-1'), SLEEP);
  const second = await view(host, 'worker-1');
  expect(second).toMatchObject({ pane: first?.pane, dead: false });
  expect(second?.pid).not.toBe(first?.pid);
});

test.for([true, false])(
  'an agent that is gone is dead before tmux reports it (linked: %s)',
  async (linked, { place }) => {
    const { host, latest } = hostOf(place);
    await host.run('worker-1', null, SLEEP);
    const look = async () => (await host.look(() => linked)).get('worker-1');
    const first = await look();
    expect(first?.dead).toBe(false);
    const tmux = latest();
    const rows = (await tmux?.listPanes()) ?? [];
    vi.spyOn(tmux as Tmux, 'listPanes').mockResolvedValue(rows);
    process.kill(first?.pid ?? 0, 'SIGKILL');
    await eventually(async () => {
      // As listPanes does where tmux has lost the signal: until it has reaped its child, the child is a zombie.
      process.kill(tmux?.serverPid ?? 0, 'SIGCHLD');
      return (await look())?.dead;
    }).toBe(true);
  },
);

test('an earlier pane that has another owner on a new server is left alone', async ({ place }) => {
  const { host } = hostOf(place);
  await host.run('worker-1', null, SLEEP);
  await host.run('worker-2', null, SLEEP);
  const old = await view(host, 'worker-2');
  await host.killServer();
  // The new server counts from the beginning, and this time worker-1 comes second.
  await host.run('worker-3', null, SLEEP);
  await host.run('worker-1', null, { ...SLEEP, argv: ['sh', '-c', 'exit 1'] });
  await eventually(async () => (await view(host, 'worker-1'))?.dead).toBe(true);
  expect((await view(host, 'worker-1'))?.pane).toBe(old?.pane);
  await host.run('worker-2', old, SLEEP);
  expect(await view(host, 'worker-2')).toMatchObject({ dead: false });
  expect((await view(host, 'worker-2'))?.pane).not.toBe(old?.pane);
  expect((await view(host, 'worker-1'))?.dead).toBe(true);
});

test('a window that a person opened beside the agent does not keep it from coming back', async ({ place }) => {
  const { host, latest } = hostOf(place);
  await host.run('worker-1', null, SLEEP);
  const known = await view(host, 'worker-1');
  await latest()?.command(['new-window', '-d', '-t', '=worker-1:', 'sleep', '600']);
  await latest()?.command(['kill-pane', '-t', known?.pane ?? '']);
  await eventually(() => view(host, 'worker-1')).toBeNull();
  await host.run('worker-1', null, SLEEP);
  expect((await view(host, 'worker-1'))?.dead).toBe(false);
  const sessions = await latest()?.command(['list-sessions', '-F', '#{session_name}']);
  expect(sessions?.filter((name) => name.startsWith('worker-1'))).toEqual([
    'worker-1',
    expect.stringMatching(/^worker-1-left-/),
  ]);
});

test('a client that died is replaced by the next look, the agents live on', async ({ place }) => {
  const { host, gone, latest } = hostOf(place);
  await host.run('worker-1', null, SLEEP);
  const before = await view(host, 'worker-1');
  const [client = ''] = (await latest()?.command(['list-clients', '-F', '#{client_pid}'])) ?? [];
  process.kill(Number(client), 'SIGKILL');
  await eventually(gone).toBe(1);
  await eventually(async () => (await view(host, 'worker-1'))?.pid).toBe(before?.pid);
});

test('a server whose socket was removed is found again with all its panes, also by the next supervisor', async ({
  place,
}) => {
  const marked = { ...SLEEP, env: { [WRAPPER_MARK]: 'p/worker-1' } };
  const first = hostOf(place).host;
  await first.run('worker-1', null, marked);
  const before = await view(first, 'worker-1');
  await first.disconnect();
  await rm(place.options.socket);
  expect(await view(first, 'worker-1')).toEqual(before);
  await rm(place.options.socket);
  expect(await view(hostOf(place).host, 'worker-1')).toEqual(before);
});

test('panes without an agent and of another project are ignored', async ({ place }) => {
  const { host, latest } = hostOf(place);
  await host.run('worker-1', null, SLEEP);
  await latest()?.newSession({ name: 'mine', cwd: '/', argv: ['sleep', '600'] });
  await latest()?.newSession({
    name: 'other',
    cwd: '/',
    argv: ['sleep', '600'],
    options: { [AGENT_OPTION]: 'worker-9', [PROJECT_OPTION]: 'q' },
  });
  expect([...(await host.look()).keys()]).toEqual(['worker-1']);
});
