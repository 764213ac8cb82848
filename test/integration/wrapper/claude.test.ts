import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { findMarked, isAlive } from '../../../src/process/index.ts';
import { brokerTest as test } from '../../support/broker.ts';
import { turnsOf } from '../../support/messages-api.ts';
import { ALLOW, bash, claudePane, commandOf, complete, write } from './claude-kit.ts';

test('an agent killed in the middle of its turn goes on in the same conversation and the same attempt', async ({
  broker,
}) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'again',
          contains: 'You were interrupted',
          steps: [{ tools: [write('two.txt', '2')] }, complete('finished after all'), { text: 'ok' }],
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
  const mark = `${pane.spec.project}/worker-1/t1/1`;
  const tail = () =>
    findMarked('SWARM_MARK', mark).find(({ identity }) => commandOf(identity.pid).startsWith('tail -f'));
  await expect.poll(() => tail()).toBeDefined();
  const orphan = tail();
  process.kill(supervisor.snapshot?.child?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => supervisor.results.length).toBe(1);
  const [result] = supervisor.results;
  expect(result).toMatchObject({ task: 't1', attempt: 1, outcome: 'done', summary: 'finished after all' });
  expect(new Set(turnsOf(api).map(({ session }) => session))).toEqual(new Set([result?.sessionId]));
  expect(await pane.repository.git('show', '--format=', '--name-only', `${result?.commit}`)).toBe('one.txt\ntwo.txt');
  expect(supervisor.snapshot).toMatchObject({ restarts: 1, lastExit: { signal: 'SIGKILL' } });
  expect(orphan !== undefined && isAlive(orphan.identity)).toBe(false);
});

test('a setting that blinds swarm in mid-turn is told within seconds with file and key, until it is gone', async ({
  broker,
}) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'wait',
          contains: 'Wait for it',
          steps: [{ tools: [bash('until [ -e go ]; do sleep 0.1; done')] }, complete('waited'), { text: 'ok' }],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Wait for it' }));
  await pane.start();
  await expect.poll(() => supervisor.snapshot?.activity?.tool).toBeTruthy();
  const directory = path.join(pane.spec.worktree, '.claude');
  const file = path.join(directory, 'settings.local.json');
  await mkdir(directory);
  await writeFile(file, '{"disableAllHooks": true}');
  await expect
    .poll(() => supervisor.snapshot?.needsYou)
    .toMatchObject([{ kind: 'settings', task: 't1', text: expect.stringContaining(`disableAllHooks in ${file}`) }]);
  await writeFile(file, '{"allowedHttpHookUrls": []}');
  await expect
    .poll(() => supervisor.snapshot?.needsYou)
    .toMatchObject([{ kind: 'settings', text: expect.stringContaining('allowedHttpHookUrls') }]);
  await writeFile(file, '{"disableAllHooks": false}');
  await expect.poll(() => supervisor.snapshot?.needsYou).toEqual([]);
  await writeFile(path.join(pane.spec.worktree, 'go'), '');
  await expect.poll(() => supervisor.results.length).toBe(1);
});

test('a permission that is not given is denied by policy when no person is attached', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'curl',
          contains: 'Fetch',
          steps: [{ tools: [bash('python3 -c "print(1)"')] }, complete('went on without it'), { text: 'ok' }],
        },
      ],
    },
    { unanswered: { policy: 'deny', afterMs: 300 } },
  );
  const { pane, supervisor, api } = room;
  supervisor.orders.push(pane.order('t1', { prompt: 'Fetch' }));
  await pane.start();
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done', summary: 'went on without it' });
  expect(JSON.stringify(turnsOf(api)[1]?.body)).toContain('not allowed, go on without it');
});

test('an agent works in its worktree, whatever repository the shell of `swarm up` was told of', async ({ broker }) => {
  await using room = await claudePane(
    broker.url,
    {
      rules: [
        {
          name: 'look',
          contains: 'Look around',
          steps: [
            { tools: [bash('env >$HOME/seen; echo x >made; git add made; git commit -qm "by the agent"')] },
            complete('committed'),
            { text: 'ok' },
          ],
        },
      ],
    },
    ALLOW,
  );
  const { pane, supervisor } = room;
  const { repository, environment } = pane;
  const linked = path.join(environment.directory, 'linked');
  await repository.git('worktree', 'add', '-q', '-b', 'feature', linked);
  const before = await repository.git('log', '--format=%s', 'feature');
  const told = {
    ...environment.variables,
    GIT_DIR: path.join(repository.path, '.git/worktrees/linked'),
    GIT_WORK_TREE: linked,
    GIT_INDEX_FILE: path.join(environment.directory, 'other.index'),
    GIT_SSH_COMMAND: 'ssh -i /keys/of/mine',
    GIT_AUTHOR_NAME: 'A Person',
    GIT_AUTHOR_EMAIL: 'person@example.com',
    GIT_COMMITTER_NAME: 'A Person',
    GIT_COMMITTER_EMAIL: 'person@example.com',
  };
  // As a version of swarm wrote it that kept everything.
  await writeFile(pane.spec.envSnapshot, JSON.stringify(told));
  supervisor.orders.push(pane.order('t1', { prompt: 'Look around' }));
  await pane.start();
  await expect.poll(() => supervisor.results[0]).toMatchObject({ outcome: 'done' });
  expect(await repository.git('log', '--format=%s', 'feature')).toBe(before);
  expect(await repository.git('log', '--format=%s', 'swarm/task/t1')).toContain('by the agent');
  const seen = await readFile(path.join(environment.home, 'seen'), 'utf8');
  expect(seen).toContain('GIT_SSH_COMMAND=ssh -i /keys/of/mine\n');
  expect(seen).not.toMatch(/^GIT_(DIR|WORK_TREE|INDEX_FILE)=/m);
});
