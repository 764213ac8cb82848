import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { findMarked } from '../../../src/process/index.ts';
import { brokerTest as test } from '../../support/broker.ts';
import { turnsOf } from '../../support/messages-api.ts';
import { ALLOW, bash, claudePane, commandOf, complete, write } from './claude-kit.ts';

test("an idle agent comes back after a kill, takes a person's message as a turn, and gives up when it dies too often", async ({
  broker,
}) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [{ name: 'talk', contains: 'Hello from the person', steps: [{ text: 'Hello yourself.' }] }],
    },
    {
      idle: 'eager',
      restart: { policy: 'permanent', intensity: 1, windowMs: 60_000, backoffMs: 10, backoffMaxMs: 50 },
    },
  );
  const { pane, supervisor, api } = room;
  await pane.start();
  const isReady = () =>
    supervisor.snapshot?.child !== null && ['ready', 'idle'].includes(supervisor.snapshot?.turn ?? '');
  await expect.poll(isReady).toBe(true);
  expect(await supervisor.order({ do: 'send', id: 'm1', text: 'Hello from the person' })).toMatchObject({
    ok: true,
    result: { receipt: 'queued' },
  });
  await expect.poll(() => supervisor.eventsNamed('message.delivered').map(({ data }) => data['id'])).toEqual(['m1']);
  await expect.poll(() => supervisor.snapshot?.turn).toBe('idle');
  expect(turnsOf(api)[0]?.prompt).toBe('Hello from the person');
  const session = supervisor.snapshot?.sessionId;
  // Claude Code writes its transcript a moment after its report that the turn has ended.
  const transcript = () => readFile(supervisor.snapshot?.transcriptPath ?? '', 'utf8').catch(() => '');
  await expect.poll(transcript).toContain('Hello yourself.');
  process.kill(supervisor.snapshot?.child?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => supervisor.snapshot?.restarts).toBe(1);
  await expect.poll(isReady).toBe(true);
  expect(supervisor.snapshot?.sessionId).toBe(session);
  process.kill(supervisor.snapshot?.child?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => supervisor.snapshot?.failure).toContain('2 times within 60 s');
  expect(await supervisor.order({ do: 'restart' })).toMatchObject({ ok: true });
  await expect.poll(isReady).toBe(true);
  expect(supervisor.snapshot).toMatchObject({ failure: null, sessionId: session });
});

test("a person's draft in the pane holds the next task, whose files and commit have nothing of the draft's turn", async ({
  broker,
}) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        { name: 'first', contains: 'Do it', steps: [complete('did it'), { text: 'ok' }] },
        { name: 'theirs', contains: 'half a thought', steps: [{ tools: [write('theirs.txt', 'x')] }, { text: 'ok' }] },
      ],
    },
    { ...ALLOW, idle: 'eager' },
  );
  const { pane, supervisor } = room;
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.turn).toBe('ready');
  await pane.visit(['half a th', 'ought']);
  expect(await pane.screen()).toContain('half a thought');
  supervisor.orders.push(pane.order('t1', { prompt: 'Do it' }));
  await supervisor.ticket(null);
  await expect
    .poll(() => supervisor.snapshot?.held)
    .toMatchObject({ kind: 'draft', detail: expect.stringContaining('half a thought') });
  const branch = async () => (await pane.repository.git('-C', pane.spec.worktree, 'branch', '--show-current')).trim();
  expect(await branch(), 'no file changes meanwhile').toBe('');
  await pane.tmux('send-keys', '-t', '=worker-1:', 'Enter');
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'did it' });
  expect(await branch()).toBe('swarm/task/t1');
  const files = await pane.repository.git('ls-tree', '-r', '--name-only', `${supervisor.results[0]?.commit}`);
  expect(files.split('\n')).not.toContain('theirs.txt');
});

test('failures of the API are retried, a limit is waited for, and what never heals ends the attempt', async ({
  broker,
}) => {
  await using room = await claudePane(broker.url, {
    rules: [
      {
        name: 'restarted',
        contains: 'An error of the API cut your last turn short. Go on with task t2',
        steps: [complete('after the limit'), { text: 'ok' }],
      },
      {
        name: 'go on',
        contains: 'An error of the API cut your last turn short',
        steps: [complete('in spite of it'), { text: 'ok' }],
      },
      {
        name: 'overload',
        contains: 'Try hard',
        steps: [{ fault: { kind: 'status', status: 529 }, times: null }, { text: 'x' }],
      },
      {
        name: 'limit',
        contains: 'Hit the limit',
        steps: [{ fault: { kind: 'status', status: 429, retryAfter: 3600 }, times: null }, { text: 'x' }],
      },
    ],
  });
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Try hard' }), pane.order('t2', { prompt: 'Hit the limit' }));
  await pane.start();
  await expect
    .poll(() => supervisor.results[0])
    .toMatchObject({ task: 't1', outcome: 'done', summary: 'in spite of it' });
  await expect.poll(() => supervisor.snapshot?.held?.kind).toBe('rate-limit');
  // A person need not wait for it.
  expect(await supervisor.order({ do: 'restart' })).toMatchObject({ ok: true });
  await expect
    .poll(() => supervisor.results[1])
    .toMatchObject({ task: 't2', outcome: 'done', summary: 'after the limit' });
  expect(supervisor.results[1]?.sessionId).not.toBe(supervisor.results[0]?.sessionId);
});

test('a task that takes too long is ended with everything it runs', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [{ name: 'first', contains: 'Work long', steps: [{ tools: [bash('tail -f /dev/null')] }] }],
    },
    ALLOW,
  );
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Work long', timeoutMs: 4_000 }));
  await pane.start();
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'timeout', errorClass: 'timeout' });
  expect(findMarked('SWARM_MARK', pane.spec.project)).toEqual([]);
});

test('a conflict between dependencies is the first job, named in the prompt', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'first',
          contains: 'First of all: a merge conflict',
          steps: [
            { tools: [bash('echo both > README.md; git add README.md; git commit -q --no-edit')] },
            complete('merged'),
            { text: 'ok' },
          ],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor, api } = room;
  const commits: string[] = [];
  for (const side of ['left', 'right']) {
    await pane.repository.git('checkout', '-q', '-b', side, 'main');
    await pane.repository.write({ 'README.md': `${side}\n` });
    await pane.repository.git('commit', '-qam', side);
    commits.push(await pane.repository.git('rev-parse', 'HEAD'));
  }
  await pane.repository.git('checkout', '-q', 'main');
  const dependencies = commits.map((commit, n) => ({
    task: `t${n + 1}`,
    title: `Side ${n + 1}`,
    commit,
    summary: `side ${n + 1} done`,
  }));
  supervisor.orders.push(pane.order('t3', { prompt: 'Join them', dependencies }));
  await pane.start();
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'merged' });
  expect(turnsOf(api)[0]?.prompt).toContain('- README.md');
  expect(turnsOf(api)[0]?.prompt).toContain('side 2 done');
  expect(await pane.repository.git('show', `${supervisor.results[0]?.commit}:README.md`)).toBe('both');
});

test('after the death of the wrapper the next one goes on with the same conversation, and nothing of the old one lives', async ({
  broker,
}) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'again',
          contains: 'You were interrupted (the wrapper died)',
          steps: [complete('finished by the second'), { text: 'ok' }],
        },
        {
          name: 'another task',
          contains: 'Something else',
          steps: [{ tools: [write('two.txt', '2')] }, complete('another is done'), { text: 'ok' }],
        },
        {
          name: 'first',
          contains: 'Work long',
          steps: [{ tools: [write('one.txt', '1')] }, { tools: [bash('tail -f /dev/null')] }],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Work long' }));
  await pane.start();
  const first = () => findMarked('SWARM_MARK', `${pane.spec.project}/worker-1/t1/1`);
  await expect.poll(() => first().some(({ identity }) => commandOf(identity.pid).startsWith('tail -f'))).toBe(true);
  const sessionId = supervisor.snapshot?.sessionId ?? null;
  const reason = 'the wrapper died';
  process.kill(supervisor.snapshot?.wrapper.pid ?? 0, 'SIGKILL');
  supervisor.orders.push(
    // The supervisor had not heard of its first prompt: the worktree knows.
    pane.order('t1', { prompt: 'Work long', attempt: 2, resume: { sessionId: null, since: 1, reason } }),
    // Lost while it was prepared: the worktree is still at the branch of the first task then.
    pane.order('t2', { prompt: 'Something else', attempt: 2, resume: { sessionId, since: 0, reason } }),
  );
  await expect.poll(() => pane.tmux('list-panes', '-a', '-F', '#{pane_dead}')).toBe('1\n');
  await pane.tmux('respawn-pane', '-t', '=worker-1:');
  await expect
    .poll(() => supervisor.results[0])
    .toMatchObject({ attempt: 2, outcome: 'done', summary: 'finished by the second', sessionId });
  expect(first()).toEqual([]);
  expect(new Set(turnsOf(api).map(({ session }) => session))).toEqual(new Set([sessionId]));
  expect(await pane.repository.git('show', '--format=', '--name-only', `${supervisor.results[0]?.commit}`)).toBe(
    'one.txt',
  );
  await expect
    .poll(() => supervisor.results[1])
    .toMatchObject({ task: 't2', outcome: 'done', branch: 'swarm/task/t2' });
  expect(supervisor.results[1]?.sessionId).not.toBe(sessionId);
  const files = await pane.repository.git('ls-tree', '-r', '--name-only', `${supervisor.results[1]?.commit}`);
  expect(files.split('\n')).toContain('two.txt');
  expect(files.split('\n')).not.toContain('one.txt');
  const firstTip = await pane.repository.git('rev-parse', 'swarm/task/t1');
  expect(firstTip.trim()).toBe(supervisor.results[0]?.commit);
});

test('a budget that is crossed ends the attempt', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'first',
          contains: 'Spend',
          steps: [
            { tools: [bash('echo x')], inputTokens: 4_000_000, outputTokens: 100_000 },
            { tools: [bash('tail -f /dev/null')] },
          ],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Spend', budgetUsd: 0.5 }));
  await pane.start();
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'failed', errorClass: 'budget' });
  expect(supervisor.results[0]?.usage.costUsd).toBeGreaterThan(0.5);
  expect(findMarked('SWARM_MARK', `${pane.spec.project}/worker-1/t1`)).toEqual([]);
});

test('a lazy agent whose task was cancelled rests: the end of its process is no death', async ({ broker }) => {
  const script = { rules: [{ name: 'slow', contains: 'Think', steps: [{ delayMs: 600_000, text: 'never' }] }] };
  await using room = await claudePane(broker.url, script, { idle: 'lazy' });
  const { pane, supervisor, api } = room;
  await pane.start();
  supervisor.orders.push(pane.order('t1', { prompt: 'Think' }));
  await supervisor.ticket(null);
  await expect.poll(() => turnsOf(api).length).toBe(1);
  expect(await supervisor.order({ do: 'cancel', task: 't1', attempt: 1 })).toMatchObject({ ok: true });
  await expect.poll(() => supervisor.snapshot).toMatchObject({ turn: 'none', child: null, tasks: [] });
});
