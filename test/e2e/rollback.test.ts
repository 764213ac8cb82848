import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTerminal } from './terminal.ts';
import { expectError, find, kill, openAccount, openWorld, poll, UP, type Account, type World } from './world.ts';
import { bash, complete, write } from '../support/model-tools.ts';

let account: Account;
let world: World;
let worker: string;
let runner: string;

const said = (word: string) => ({
  name: word,
  contains: `the word is ${word}`,
  steps: [{ tools: [write(`${word}.txt`, `${word}\n`)] }, { text: `Noted ${word}.` }],
});

/** The model's input in the newest request that this rule answered. */
async function contextOf(rule: string, least = 1): Promise<{ session: string; text: string }> {
  const url = world.api?.url ?? '';
  const recorded = await poll(
    async () => {
      const all = (await (await fetch(`${url}/control/requests`)).json()) as {
        rule: string | null;
        session: string;
        body: { messages?: unknown };
      }[];
      return all.filter((request) => request.rule === rule);
    },
    (all) => all.length >= least,
    `${least} requests answered by ${rule}`,
  );
  const last = recorded.at(-1);
  return { session: last?.session ?? '', text: JSON.stringify(last?.body.messages ?? []) };
}

async function say(word: string): Promise<void> {
  await world.ok(['send', 'worker-1', `By the way, the word is ${word}.`]);
  await contextOf(word, 2);
  await poll(
    () => world.status(),
    ({ agents }) => agents.find(({ id }) => id === 'worker-1')?.status === 'idle',
    'worker-1 to be idle',
  );
}

const inWorker = (name: string): string => path.join(worker, name);
const inRunner = (name: string): string => path.join(runner, name);
const statusOf = async (id: string) => (await world.status()).agents.find((agent) => agent.id === id);

beforeAll(async () => {
  account = await openAccount();
  world = await openWorld({
    account,
    repository: {
      files: {
        'README.md': 'a project\n',
        'swarm.yaml': 'agents:\n  worker: {count: 1}\n  runner: {kind: shell, count: 1}\n',
      },
    },
    script: {
      rules: [
        ...['heron', 'osprey', 'merlin', 'plover', 'siskin'].map(said),
        {
          ...said('finch'),
          steps: [{ tools: [write('finch.txt', 'finch\n')] }, { tools: [bash('rm -f finch.txt')] }, { text: 'Gone.' }],
        },
        {
          name: 'resumed',
          matches: '^You were interrupted .*: long\\b',
          steps: [{ tools: [write('mended.txt', 'mended\n')] }, { tools: [complete('went on from there')] }],
        },
        {
          name: 'long',
          matches: '^# Task t\\d+: long\\b',
          steps: [
            { tools: [write('good.txt', 'good\n')] },
            { hold: 'good', tools: [write('ruin.txt', 'ruined\n')] },
            { hold: 'ruin', tools: [complete('never')] },
          ],
        },
      ],
    },
  });
  await world.ok(UP);
  await world.all('idle');
  await world.brokerUp();
  const { agents } = await world.status();
  worker = agents.find(({ id }) => id === 'worker-1')?.worktree ?? '';
  runner = agents.find(({ id }) => id === 'runner-1')?.worktree ?? '';
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await account[Symbol.asyncDispose]();
});

describe('rollback', () => {
  test('files and conversation go back to the same point, and undo brings both back', async () => {
    await say('heron');
    const { n } = (await world.ok(['checkpoint', 'worker-1', '-m', 'one word', '--json'])).json<{ n: number }>();
    await say('osprey');
    const before = (await statusOf('worker-1'))?.sessionId ?? 'none';

    const rolled = await world.ok(['rollback', 'worker-1', String(n)]);
    expect(rolled.stdout).toMatch(/files +1 file changed: osprey\.txt/);
    expect(rolled.stdout).toContain('back to the same point');
    expect(rolled.stdout).toContain(`claude --resume ${before}`);
    expect([existsSync(inWorker('heron.txt')), existsSync(inWorker('osprey.txt'))]).toEqual([true, false]);

    await say('merlin');
    const there = await contextOf('merlin');
    expect(there.text).toContain('the word is heron');
    expect(there.text).toContain('Noted heron.');
    expect(there.text).not.toContain('osprey');
    expect(there.session).not.toBe(before);

    const undone = await world.ok(['undo', 'worker-1']);
    expect(undone.stdout).toMatch(/worker-1: the rollback of .* is taken back/);
    expect([existsSync(inWorker('osprey.txt')), existsSync(inWorker('merlin.txt'))]).toEqual([true, false]);
    const kept = await poll(
      async () =>
        (await world.ok(['checkpoint', 'ls', 'worker-1', '--json'])).json<{ reason: string; task: string | null }[]>(),
      (all) => all.some(({ reason, task }) => reason === 'turn-end' && task === null),
      'a checkpoint at the end of a turn that belongs to no task',
    );
    expect(kept.length).toBeGreaterThan(2);
    await say('plover');
    const back = await contextOf('plover');
    expect(back.text).toContain('Noted osprey.');
    expect(back.text).not.toContain('merlin');
  });

  test('what Claude Code is about to destroy is in a checkpoint of the moment before', async () => {
    await say('finch');
    expect(existsSync(inWorker('finch.txt'))).toBe(false);
    const list = (await world.ok(['checkpoint', 'ls', 'worker-1', '--json'])).json<
      { n: number; reason: string; ref: string; sessionId: string | null }[]
    >();
    const before = list.find(({ reason }) => reason === 'before rm -f');
    expect(await world.repository.git('show', `${before?.ref}:finch.txt`)).toBe('finch');
    expect(before?.sessionId).toBe((await statusOf('worker-1'))?.sessionId);
    await world.ok(['checkpoint', 'restore', 'worker-1', String(before?.n), '--path', 'finch.txt']);
    expect(await readFile(inWorker('finch.txt'), 'utf8')).toBe('finch\n');
  });

  test('where the conversation cannot be had any more it begins anew, and the agent is told so', async () => {
    const { n, sessionId } = (await world.ok(['checkpoint', 'worker-1', '-m', 'plover', '--json'])).json<{
      n: number;
      sessionId: string;
    }>();
    const [transcript = ''] = await find(world.environment.directory, '-name', `${sessionId}.jsonl`);
    await rm(transcript);
    const rolled = await world.ok(['rollback', 'worker-1', String(n)]);
    expect(rolled.stdout).toContain('Its conversation begins anew: the transcript of that conversation is gone');
    await say('siskin');
    const { text } = await contextOf('siskin');
    expect(text).toContain(`back to checkpoint ${n}; the conversation that led there is not available`);
    expect(text).not.toContain('Noted plover.');
  });

  test('in the middle of a task the agent goes on with it from there, held until it may', async () => {
    const id = await world.add('long');
    await poll(() => existsSync(inWorker('good.txt')), Boolean, 'the first file');
    await contextOf('long', 2);
    const { n } = (await world.ok(['checkpoint', 'worker-1', '-m', 'good', '--json'])).json<{ n: number }>();
    await fetch(`${world.api?.url}/control/release/good`);
    await poll(() => existsSync(inWorker('ruin.txt')), Boolean, 'the ruin');

    const held = (await world.ok(['rollback', 'worker-1', String(n), '--hold', '--json'])).json<{
      task: string;
      conversation: { how: string };
    }>();
    expect(held).toMatchObject({ task: id, conversation: { how: 'cut' } });
    expect([existsSync(inWorker('good.txt')), existsSync(inWorker('ruin.txt'))]).toEqual([true, false]);
    expect((await world.task(id)).state).toBe('ready');
    await poll(
      () => statusOf('worker-1'),
      (agent) => agent?.status === 'paused',
      'worker-1 to wait',
    );
    await world.ok(['resume', 'worker-1']);
    await world.done(id);
    const { text } = await contextOf('resumed');
    expect(text).toContain(`# Task ${id}: long`);
    expect(text).toContain('good.txt');
    expect(text).not.toContain('ruin.txt');
    expect([await world.show(id, 'good.txt'), await world.show(id, 'mended.txt')]).toEqual(['good', 'mended']);
    expect((await world.task(id)).attempts.map(({ outcome }) => outcome)).toEqual(['released', 'done']);
  });
});

test('on a terminal the checkpoint is picked from a list with its differences, and asked for', async () => {
  await writeFile(inRunner('picked.txt'), 'first\n');
  const { n } = (await world.ok(['checkpoint', 'runner-1', '-m', 'first', '--json'])).json<{ n: number }>();
  await writeFile(inRunner('picked.txt'), 'second\n');
  await using terminal = await openTerminal(world, ['rollback', 'runner-1']);
  await terminal.shows(/Back to which number\?/);
  await terminal.type(`d ${n}`);
  await terminal.keys('Enter');
  await terminal.shows(/^-second$/m);
  await terminal.type(String(n));
  await terminal.keys('Enter');
  await terminal.shows(/1 file changed: picked\.txt\n.*Roll back\? \[y\/N\]/s);
  expect(await readFile(inRunner('picked.txt'), 'utf8')).toBe('second\n');
  await terminal.type('y');
  await terminal.keys('Enter');
  expect(await terminal.exitCode(), await terminal.screen()).toBe(0);
  expect(await readFile(inRunner('picked.txt'), 'utf8')).toBe('first\n');
  await rm(inRunner('picked.txt'));
});

test('kill -9 of the supervisor in the middle: the next one ends it or takes it back, all of it', async () => {
  const names = Array.from({ length: 400 }, (_, at) => `many-${at}.txt`);
  const writeAll = (text: string) => Promise.all(names.map((name) => writeFile(inRunner(name), text)));
  await writeAll('first\n');
  const { n } = (await world.ok(['checkpoint', 'runner-1', '--json'])).json<{ n: number }>();
  await writeAll('second\n');
  const { pid } = (await world.status()).supervisor;
  const rolling = world.run(['rollback', 'runner-1', String(n)]);
  // The safety checkpoint to compare with, then the one before.
  const safety = path.join(world.repository.path, '.git/refs/swarm/checkpoints/runner-1', String(n + 2));
  await poll(() => existsSync(safety), Boolean, 'the rollback to be under way');
  kill(pid);
  const rolled = await rolling;
  // The rollback may have ended before the kill came; another test kills it at each of its steps.
  if (rolled.exitCode !== 0)
    expectError(rolled, 3, 'in the middle of the rollback of runner-1', /events --agent runner-1/);
  const ended = async () => (await world.run(['events', '--agent', 'runner-1', '-n', '200'])).stdout;
  await poll(
    ended,
    (text) => / rollback\.(done|dropped) .* n=\d+/.test(text.slice(text.lastIndexOf('rollback.asked'))),
    'its end',
  );
  const texts = new Set(await Promise.all(names.map((name) => readFile(inRunner(name), 'utf8'))));
  expect(texts.size).toBe(1);
  await world.all('idle');
  await Promise.all(names.map((name) => rm(inRunner(name))));
});

describe('rm', () => {
  test('is refused while anything would be lost, and says what', async () => {
    const refused = async (...says: (string | RegExp)[]): Promise<void> => {
      expectError(await world.run(['rm', 'runner-1']), 1, 'runner-1 is stopped, but nothing was removed', ...says);
      expect(existsSync(runner)).toBe(true);
    };
    await writeFile(inRunner('README.md'), 'changed\n');
    await refused(/1 uncommitted change: README\.md/, /rm runner-1 --force/);
    await world.repository.git('-C', runner, 'checkout', '-q', '--', 'README.md');
    await writeFile(inRunner('notes.txt'), 'mine\n');
    await refused(/1 untracked file: notes\.txt/);
    await world.repository.git('-C', runner, 'add', '-A');
    await world.repository.git('-C', runner, 'commit', '-q', '-m', 'in no branch');
    await refused(/1 commit in no branch/);
    await world.repository.git('-C', runner, 'checkout', '-q', '--detach', 'main');
    const child = spawn('sleep', ['600'], { cwd: runner, stdio: 'ignore' });
    await refused(new RegExp(`sleep \\(pid ${child.pid}\\)`));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const lock = path.join(await world.repository.git('-C', runner, 'rev-parse', '--absolute-git-dir'), 'index.lock');
    await writeFile(lock, '');
    await refused(/index\.lock/);
    await rm(lock);
  });

  test('--force moves work to a checkpoint, and undo brings agent and worktree back with it', async () => {
    await writeFile(inRunner('README.md'), 'changed\n');
    await writeFile(inRunner('notes.txt'), 'mine\n');
    const removed = await world.ok(['rm', 'runner-1', '--force']);
    expect(removed.stdout).toMatch(/runner-1: removed, .* is checkpoint \d+; to undo: .*undo runner-1/);
    expect(existsSync(runner)).toBe(false);
    expect(await statusOf('runner-1')).toBeUndefined();
    expect((await world.ok(['checkpoint', 'ls', 'runner-1'])).stdout).toContain('before-rm');

    expectError(await world.run(['rollback', 'runner-1', '1']), 2, /runner-1 was removed/, /undo runner-1/);
    await world.ok(['undo', 'runner-1']);
    expect(await readFile(inRunner('README.md'), 'utf8')).toBe('changed\n');
    expect(await readFile(inRunner('notes.txt'), 'utf8')).toBe('mine\n');
    expect((await statusOf('runner-1'))?.id).toBe('runner-1');
    await world.ok(['resume', 'runner-1']);
    const id = await world.shell('echo works > works.txt');
    await world.done(id);
  });
});

describe('undo', () => {
  test('takes a merge back, unless something stands on it', async () => {
    const before = await world.repository.git('rev-parse', 'main');
    const id = await world.shell('echo merged > merged.txt');
    await world.done(id);
    await writeFile(inRunner('loose.txt'), 'loose\n');
    await world.ok(['merge', id]);
    await rm(inRunner('loose.txt'));
    expect((await world.ok(['checkpoint', 'ls', 'runner-1'])).stdout).toContain('before-merge');
    expect(existsSync(path.join(world.repository.path, 'merged.txt'))).toBe(true);
    const undone = await world.ok(['undo', 'runner-1']);
    expect(undone.stdout).toContain(`main is at ${before.slice(0, 12)} again, without ${id}`);
    expect(await world.repository.git('rev-parse', 'main')).toBe(before);
    expect(await world.repository.git('status', '--porcelain')).toBe('');

    await world.ok(['merge', id]);
    await world.repository.git('commit', '-q', '--allow-empty', '-m', 'on top of it');
    expectError(await world.run(['undo', 'runner-1']), 1, /main is at .* now, not at the merge/, /git revert -m 1/);
  });

  test('puts a branch back that the rollback had moved beside the one in hand', async () => {
    const git = (...args: string[]): Promise<string> => world.repository.git('-C', runner, ...args);
    await git('switch', '-q', '-c', 'side');
    const { n } = (await world.ok(['checkpoint', 'runner-1', '--json'])).json<{ n: number }>();
    await git('commit', '-q', '--allow-empty', '-m', 'further on side');
    const tip = await git('rev-parse', 'side');
    await git('switch', '-q', '--detach', 'main');
    await world.ok(['rollback', 'runner-1', String(n)]);
    expect(await git('rev-parse', 'side')).not.toBe(tip);
    await world.ok(['undo', 'runner-1']);
    expect([await git('rev-parse', 'side'), await git('branch', '--show-current')]).toEqual([tip, '']);
  });

  test('takes a purge back: the agents, and their worktrees as they were', async () => {
    await writeFile(inRunner('late.txt'), 'late\n');
    const kept = await world.ok(['down', '--purge', '--yes']);
    expect(kept.stdout).toMatch(/kept .*runner-1: 1 untracked file: late\.txt/);
    expect(existsSync(runner)).toBe(true);
    await world.ok(['down', '--purge', '--force', '--yes']);
    expect(existsSync(runner)).toBe(false);
    await world.ok(['undo', 'runner-1']);
    expect(await readFile(inRunner('late.txt'), 'utf8')).toBe('late\n');
    // No agent is up after that, but it belongs to the swarm again.
    expect((await world.status()).agents.map(({ id, status }) => [id, status])).toEqual([['runner-1', 'stopped']]);
  });
});
