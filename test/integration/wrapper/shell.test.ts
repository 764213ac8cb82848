import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { findMarked } from '../../../src/process/index.ts';
import { brokerTest as test } from '../../support/broker.ts';
import { WrapperPane } from './wrapper-pane.ts';

test('a shell task runs in its branch and its exit code is the result', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(
    pane.order('t1', { command: ['sh', '-c', 'echo hello; echo new > made.txt; echo "$SWARM_MARK"'] }),
  );
  await pane.start();
  await expect.poll(() => supervisor.results.length, { message: await pane.log() }).toBe(1);
  const [result] = supervisor.results;
  expect(result).toMatchObject({ task: 't1', attempt: 1, outcome: 'done', branch: 'swarm/task/t1', errorClass: null });
  expect(result?.summary).toContain(`${pane.spec.project}/worker-1/t1/1`);
  expect(await pane.repository.git('show', `${result?.commit}:made.txt`)).toBe('new');
  expect(await pane.repository.git('log', '-1', '--format=%B', 'swarm/task/t1')).toContain('Swarm-Task: t1');
  expect(await readFile(path.join(pane.spec.logsDir, 'worker-1/t1-1.log'), 'utf8')).toContain('hello');
  await expect.poll(() => supervisor.snapshot?.tasks).toEqual([]);
  expect(await pane.screen()).toContain('t1');
});

test('an agent that replaces .git by a repository of its own has a result, and takes further tasks', async ({
  broker,
}) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  const commit = 'git add -A && git -c user.name=an -c user.email=agent@example.org commit -qm own';
  supervisor.orders.push(
    pane.order('t1', { command: ['sh', '-c', `echo new >made.txt; rm .git; git init -q && ${commit}`] }),
    pane.order('t2', { command: ['sh', '-c', 'test ! -e made.txt && git rev-parse --abbrev-ref HEAD'] }),
  );
  await pane.start();
  await expect.poll(() => supervisor.results.length, { message: await pane.log() }).toBe(2);
  const [replaced, next] = supervisor.results;
  expect(await pane.repository.git('show', `${replaced?.commit}:made.txt`)).toBe('new');
  expect(replaced?.notes).toEqual([expect.stringContaining('.git of the worktree was replaced') as unknown]);
  expect(next).toMatchObject({ outcome: 'done', summary: 'swarm/task/t2' });
});

test('a free slot waits for a ticket, and a chain of tasks needs only one', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  await pane.start();
  await expect.poll(() => supervisor.claims.length).toBe(1);
  for (const n of [1, 2, 3]) supervisor.orders.push(pane.order(`t${n}`, { command: ['true'] }));
  await supervisor.ticket('shell');
  await expect.poll(() => supervisor.results.map(({ task }) => task)).toEqual(['t1', 't2', 't3']);
  await expect.poll(() => supervisor.claims.length).toBe(5);
});

test('a failing command, one that cannot start and one that takes too long each say so', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url, spec: { stopGraceMs: 300 } });
  const { supervisor } = pane;
  supervisor.orders.push(
    pane.order('t1', { command: ['sh', '-c', 'echo broken; exit 3'] }),
    pane.order('t2', { command: ['no-such-program'] }),
    // Neither a session of its own nor a trap saves a child.
    pane.order('t3', { command: ['sh', '-c', 'trap "" TERM; setsid sleep 1000 & sleep 1000'], timeoutMs: 500 }),
    pane.order('t4', { command: ['sh', '-c', 'setsid sleep 1000 & exit 0'] }),
  );
  await pane.start();
  await expect.poll(() => supervisor.results.length).toBe(4);
  const [failed, absent, late, left] = supervisor.results;
  expect(failed).toMatchObject({ outcome: 'failed', errorClass: 'agent', summary: 'broken' });
  expect(failed?.error).toContain('exit 3');
  expect(absent).toMatchObject({ outcome: 'failed', errorClass: 'program' });
  expect(late).toMatchObject({ outcome: 'timeout', errorClass: 'timeout' });
  expect(left).toMatchObject({ outcome: 'done' });
  // Before the result was sent, every process was gone.
  expect(findMarked('SWARM_MARK', `${pane.spec.project}/worker-1`)).toEqual([]);
});

test('a command that is ended for what it takes has failed, and says why, however it takes its end', async ({
  broker,
}) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url, spec: { stopGraceMs: 2_000 } });
  const { supervisor } = pane;
  const order = { do: 'interrupt' as const, what: 'turn' as const, reason: 'the memory of its processes is 9 GiB' };
  supervisor.orders.push(
    pane.order('t1', { command: ['sh', '-c', 'trap "exit 0" TERM; touch up; while :; do sleep 0.05; done'] }),
    pane.order('t2', { command: ['true'] }),
  );
  await pane.start();
  await expect.poll(() => existsSync(path.join(pane.spec.worktree, 'up'))).toBe(true);
  expect(await supervisor.order(order)).toMatchObject({ ok: true });
  await expect.poll(() => supervisor.results.length).toBe(2);
  const [ended, next] = supervisor.results;
  expect(ended).toMatchObject({ task: 't1', outcome: 'failed', errorClass: 'agent' });
  expect(ended?.error).toContain('ended, because the memory of its processes is 9 GiB');
  expect(next).toMatchObject({ task: 't2', outcome: 'done' });
});

test('slots work at once, each in its own worktree, and a cancelled one ends alone', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url, spec: { slots: 2 } });
  const { supervisor } = pane;
  for (const task of ['t1', 't2'])
    supervisor.orders.push(pane.order(task, { command: ['sh', '-c', 'pwd; until [ -e go ]; do sleep 0.05; done'] }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.tasks.filter(({ phase }) => phase === 'running').length).toBe(2);
  expect(supervisor.snapshot?.turn).toBe('busy');
  const [first, second] = supervisor.snapshot?.tasks ?? [];
  await expect.poll(() => supervisor.heartbeats.some(({ attempts }) => attempts.length === 2)).toBe(true);
  expect(await supervisor.order({ do: 'cancel', task: first?.task ?? '', attempt: 1 })).toMatchObject({ ok: true });
  await expect.poll(() => supervisor.results.length).toBe(1);
  expect(supervisor.results[0]).toMatchObject({ task: first?.task, outcome: 'cancelled' });
  await writeFile(path.join(second?.slot === 0 ? pane.spec.worktree : `${pane.spec.worktree}.1`, 'go'), '');
  await expect.poll(() => supervisor.results.length).toBe(2);
  expect(supervisor.results[1]).toMatchObject({ task: second?.task, outcome: 'done' });
  await expect.poll(() => supervisor.snapshot?.turn).toBe('ready');
  expect(await supervisor.order({ do: 'cancel', task: 't9', attempt: 1 })).toMatchObject({
    ok: false,
    error: { code: 'unknown-attempt' },
  });
});

test('an ordered stop gives the attempt back, ends its processes and then the wrapper', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(pane.order('t1', { command: ['sleep', '1000'] }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.tasks[0]?.phase).toBe('running');
  expect(await supervisor.order({ do: 'stop', graceMs: 1_000 })).toMatchObject({ ok: true });
  await expect.poll(() => supervisor.results[0]).toMatchObject({ task: 't1', outcome: 'released' });
  const ending = async (): Promise<string> => {
    // tmux often misses that a pane's program ended until another child of its does.
    await pane.tmux('run-shell', 'true');
    return await pane.tmux('list-panes', '-a', '-F', '#{pane_dead} #{pane_dead_status}');
  };
  await expect.poll(ending).toBe('1 0\n');
  expect(findMarked('SWARM_MARK', pane.spec.project)).toEqual([]);
});

test('a task goes on without the supervisor, who is started again and refused when its time is over', async ({
  broker,
}) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(pane.order('t1', { command: ['sh', '-c', 'until [ -e go ]; do sleep 0.05; done'] }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.tasks[0]?.phase).toBe('running');
  await supervisor.away();
  const starts = path.join(pane.environment.directory, 'supervisor-starts');
  await expect.poll(() => readFile(starts, 'utf8').catch(() => '')).toContain('started');
  await writeFile(path.join(pane.spec.worktree, 'go'), '');
  await expect.poll(() => supervisor.results[0]?.outcome).toBe('done');
  supervisor.epoch = 7;
  await supervisor.listen();
  await expect.poll(() => supervisor.hellos).toBe(2);
  expect(await supervisor.order({ do: 'pause' }, 6)).toMatchObject({ ok: false, error: { code: 'stale-epoch' } });
  expect(await supervisor.order({ do: 'pause' })).toMatchObject({ ok: true });
  expect(supervisor.snapshot).toMatchObject({ paused: true });
});

test('a result survives the death of the broker and of the wrapper', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(
    pane.order('t1', { command: ['sh', '-c', 'until [ -e go ]; do sleep 0.05; done; echo over'] }),
  );
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.tasks[0]?.phase).toBe('running');
  broker.kill();
  await expect.poll(() => supervisor.snapshot?.amqp).toBe('connecting');
  await writeFile(path.join(pane.spec.worktree, 'go'), '');
  await expect.poll(() => supervisor.snapshot?.spooled).toEqual([{ task: 't1', attempt: 1 }]);
  process.kill(supervisor.snapshot?.wrapper.pid ?? 0, 'SIGKILL');
  await broker.ensure();
  await pane.tmux('respawn-pane', '-k', '-t', '=worker-1:');
  await expect.poll(() => supervisor.results.length).toBe(1);
  expect(supervisor.results[0]).toMatchObject({ task: 't1', outcome: 'done', summary: 'over' });
  await expect.poll(() => supervisor.snapshot?.spooled).toEqual([]);
});

test('results that an earlier wrapper could not report are reported before any claim: they would be done again', async ({
  broker,
}) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor, spec } = pane;
  const spool = path.join(spec.spoolDir, 'worker-1');
  await mkdir(spool, { recursive: true });
  const usage = { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
  const at = new Date(0).toISOString();
  const none = { errorClass: null, error: null, commit: null, branch: null, sessionId: null, usage };
  for (let n = 1; n <= 20; n += 1) {
    const result = { task: `t${n}`, attempt: 1, agent: 'worker-1', outcome: 'done', summary: 'over', ...none };
    await writeFile(path.join(spool, `t${n}-1.json`), JSON.stringify({ ...result, startedAt: at, endedAt: at }));
  }
  await pane.start();
  await expect.poll(() => supervisor.claims.length).toBeGreaterThan(0);
  expect(supervisor.resultsBeforeClaims).toBe(20);
});

test('an attempt that the store gave to another agent is dropped without a result', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(pane.order('t1', { command: ['sleep', '1000'] }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.tasks[0]?.phase).toBe('running');
  supervisor.attempts = [];
  await supervisor.away();
  await supervisor.listen();
  await expect.poll(() => supervisor.snapshot?.tasks).toEqual([]);
  expect(findMarked('SWARM_MARK', pane.spec.project)).toEqual([]);
  expect(supervisor.results).toEqual([]);
});

test('when tmux dies nothing of the agent outlives it', async ({ broker }) => {
  await using pane = await WrapperPane.open({ kind: 'shell', amqpUrl: broker.url });
  const { supervisor } = pane;
  supervisor.orders.push(pane.order('t1', { command: ['sh', '-c', 'trap "" HUP; setsid sleep 1000 & sleep 1000'] }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.tasks[0]?.phase).toBe('running');
  await pane.tmux('kill-server');
  await expect.poll(() => findMarked('SWARM_MARK', pane.spec.project)).toEqual([]);
  await expect.poll(() => findMarked('SWARM_WRAPPER', pane.spec.project)).toEqual([]);
  // It was not asked to give the task back: the supervisor decides how it is resumed.
  expect(supervisor.results).toEqual([]);
});
