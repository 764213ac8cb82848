import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  agentTokens,
  brokerRecord,
  commandLinesOf,
  expectKept,
  kill,
  killEverything,
  openWorld,
  outcomes,
  poll,
  UP,
  wrapperPid,
  type World,
} from './world.ts';
import { bash, complete, write } from '../support/model-tools.ts';

let world: World;

const plain = (name: string, file: string, content: string) => ({
  name,
  matches: `^# Task t\\d+: ${name}\\b`,
  steps: [{ tools: [write(file, content)] }, { tools: [complete(name)] }],
});
const SECRET = 'sk-this-is-no-real-token-0123456789';

describe('conversations', () => {
  beforeAll(async () => {
    const slow = {
      name: 'slow',
      matches: '^# Task t\\d+: slow\\b',
      steps: [{ tools: [write('half.txt', 'half\n')] }, { delayMs: 60_000, tools: [complete('never')] }],
    };
    const resumed = {
      name: 'resumed',
      matches: '^You were interrupted .*: slow\\b',
      steps: [{ tools: [write('whole.txt', 'whole\n')] }, { tools: [complete('after all')] }],
    };
    const join = {
      name: 'join',
      matches: '^# Task t\\d+: join\\b.*First of all: a merge conflict',
      steps: [
        { tools: [write('same.txt', 'left and right\n')] },
        { tools: [bash('git add same.txt')] },
        { tools: [bash('git commit --no-edit')] },
        { tools: [complete('both are in')] },
      ],
    };
    const told = {
      name: 'told',
      contains: 'the word of the day is heron',
      steps: [{ tools: [write('word.txt', 'heron\n')] }, { text: 'Noted.' }],
    };
    world = await openWorld({
      environment: { variables: { ANTHROPIC_AUTH_TOKEN: undefined } },
      repository: {
        files: {
          'README.md': 'a project\n',
          'swarm.yaml': 'agents:\n  worker: {count: 1, allow: ["Bash(git add:*)", "Bash(git commit:*)"]}\n',
        },
      },
      script: {
        rules: [slow, resumed, plain('left', 'same.txt', 'left\n'), plain('right', 'same.txt', 'right\n'), join, told],
      },
    });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('without a login and in an untrusted folder up ends, says what each needs, and comes good when it is given', async () => {
    const up = await world.ok(['up', '--detach', '--yes']);
    expect(up.stdout).toMatch(/worker-1 login: Claude Code is not logged in\. Run `claude` once, log in with \/login/);
    expect((await world.status()).agents[0]?.status).toBe('needs-you');
    world.environment.variables['ANTHROPIC_AUTH_TOKEN'] = SECRET;
    const untrusted = await world.ok(['up', '--detach', '--yes']);
    expect(untrusted.stdout).toMatch(/worker-1 trust: Claude Code has not been told to trust .*\/repo\./);
    expect(untrusted.stdout).toContain('up --trust');
    const answered = await world.run(['answer', 'worker-1', 'allow']);
    expect([answered.exitCode, answered.stderr]).toEqual([1, expect.stringContaining('swarm up --trust')]);
    await world.ok(UP);
    expect((await world.all('idle')).needsYou).toEqual([]);
  });

  test('a merge conflict of two dependencies is named in the prompt and solved by the agent', async () => {
    const left = await world.add('left');
    const right = await world.add('right');
    const join = await world.add('join', '--after', left, right);
    await world.done(join);
    const asked = world.api?.turns().find(({ rule }) => rule === 'join')?.prompt ?? '';
    expect(asked).toContain(`The result of task ${right} could not be merged into swarm/task/${join}`);
    expect(asked).toContain('- same.txt');
    expect(await world.show(join, 'same.txt')).toBe('left and right');
    const { result } = await world.task(join);
    for (const id of [left, right]) {
      const commit = (await world.task(id)).result?.commit ?? '';
      await world.repository.git('merge-base', '--is-ancestor', commit, result?.commit ?? '');
    }
  });

  test("a person's message is the next turn of the agent's conversation", async () => {
    const before = (await world.all('idle')).agents[0];
    const sent = await world.ok(['send', 'worker-1', 'By the way: the word of the day is heron.']);
    expect(sent.stdout).toMatch(/worker-1: message queued/);
    await poll(
      () => world.api?.turns().filter(({ rule }) => rule === 'told') ?? [],
      (turns) => turns.length >= 2,
      'the message to be read',
    );
    const told = world.api?.turns().find(({ rule }) => rule === 'told');
    expect(told?.session).toBe(before?.sessionId);
    await world.all('idle');
    expect(await readFile(path.join(before?.worktree ?? '', 'word.txt'), 'utf8')).toBe('heron\n');
  });

  test('a message to an agent whose wrapper has just been killed is delivered to the next one, once', async () => {
    kill(await wrapperPid(world, 'worker-1'));
    const sent = await world.ok(['send', 'worker-1', 'By the way: do not forget it.', '--wait', '--timeout', '60s']);
    expect(sent.stdout).toMatch(/worker-1: message delivered/);
    await world.all('idle');
    const events = await world.ok(['events', '--agent', 'worker-1', '--json']);
    const id = /\(([0-9a-f-]+)\)/.exec(sent.stdout)?.[1] ?? 'none';
    const told = events.stdout.split('\n').filter((line) => line.includes(id));
    expect(told.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual([
      'message.queued',
      'message.delivered',
    ]);
  });

  test('an agent that a signal has stopped is let go on, with the same process, and that is told', async () => {
    const { pid } = (await world.all('idle')).agents[0] ?? {};
    kill(pid ?? null, 'SIGSTOP');
    await poll(
      async () => (await world.ok(['events', '--agent', 'worker-1', '--json'])).stdout,
      (events) => events.includes(`(pid ${pid}) was stopped by a signal, and was let go on`),
      'the agent to go on',
    );
    expect((await world.all('idle')).agents[0]?.pid).toBe(pid);
  });

  test('no secret is in an argv, in the store or in a log', async () => {
    const tokens = await agentTokens(world);
    expect(tokens.length).toBeGreaterThan(0);
    expect(commandLinesOf(world.environment.directory).some(({ argv }) => argv[0]?.endsWith('claude'))).toBe(true);
    const { file, password } = brokerRecord(world);
    await expectKept(world, [SECRET, password, ...tokens], file);
  });

  test('switched off in the middle of a turn, with nothing left but the disk: up goes on with the same conversation, and the attempt is counted', async () => {
    const id = await world.add('slow');
    await poll(
      () => world.api?.turns().some(({ rule, step }) => rule === 'slow' && step === 1),
      (thinks) => thinks === true,
      'the model to think',
    );
    await killEverything(world);
    // Its file system lives in memory.
    const { runtimeDir } = world.environment;
    for (const name of await readdir(runtimeDir)) await rm(path.join(runtimeDir, name), { recursive: true });
    await world.ok(UP);
    await world.done(id);
    const task = await world.task(id);
    expect(outcomes(task)).toEqual(['lost', 'done']);
    const turns = world.api?.turns() ?? [];
    const session = turns.find(({ rule }) => rule === 'slow')?.session;
    expect(turns.filter(({ rule }) => rule === 'resumed').every((turn) => turn.session === session)).toBe(true);
    expect(task.attempts.at(-1)?.sessionId).toBe(session);
    expect([await world.show(id, 'half.txt'), await world.show(id, 'whole.txt')]).toEqual(['half', 'whole']);
  });
});
