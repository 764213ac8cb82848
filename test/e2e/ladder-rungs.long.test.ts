import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bash, call, complete } from '../support/model-tools.ts';
import { openWorld, outcomes, poll, UP, type TaskView, type World, type EventView } from './world.ts';

const hang = { fault: { kind: 'hang' as const }, times: null };

interface CheckpointView {
  n: number;
  ref: string;
  reason: string;
}

let world: World;
const ids = { wreck: '', alone: '' };

async function events(prefix: string): Promise<EventView[]> {
  const { jsonLines } = await world.ok(['events', '--json', '--lines', '2000']);
  return jsonLines<EventView>().filter(({ name }) => name.startsWith(prefix));
}

/** The rungs in the order in which they were taken, without the end of the trouble. */
async function rungs(task: string): Promise<string[]> {
  const taken = (await events('agent.ladder.')).filter((event) => event.task === task);
  return taken.map(({ name }) => name.slice('agent.ladder.'.length)).filter((name) => name !== 'reset');
}

/** The content of a file in each checkpoint that was taken because the agent was stuck, oldest first. */
async function stuckWith(agent: string, file: string): Promise<string[]> {
  const all = (await world.ok(['checkpoint', 'ls', agent, '--json'])).json<CheckpointView[]>();
  const stuck = all.filter(({ reason }) => reason === 'stuck').toSorted((a, b) => a.n - b.n);
  return await Promise.all(stuck.map(({ ref }) => world.repository.git('show', `${ref}:${file}`)));
}

/** As `World.until`, with time enough for a whole ladder on a busy machine. */
const until = (id: string, state: string): Promise<TaskView> =>
  poll(
    () => world.task(id),
    (view) => view.state === state,
    `${id} to be ${state}`,
    170_000,
  );

/** The model's input in the turns that one rule answered: the whole conversation, results of tools included. */
async function told(rule: string): Promise<string[]> {
  const answer = await fetch(`${world.api?.url}/control/requests`);
  const requests = (await answer.json()) as { rule: string | null; body: { messages: unknown } }[];
  return requests.filter((request) => request.rule === rule).map(({ body }) => JSON.stringify(body.messages));
}

beforeAll(async () => {
  world = await openWorld({
    repository: {
      files: {
        'README.md': 'a project\n',
        'swarm.yaml': [
          'agents:',
          '  worker: {count: 2, allow: ["Bash"], capabilities: [pair]}',
          '  solo: {count: 1, allow: ["Bash"], capabilities: [alone]}',
          'health:',
          '  stuckAfter: 5s',
          '  ladder: {nudge: never, interrupt: never, restart: 0s, rollback: 0s, reassign: 0s, fail: 0s}',
          '',
        ].join('\n'),
      },
    },
    script: {
      rules: [
        {
          name: 'other hands',
          matches: '^# Task t\\d+: wreck.*## Earlier attempts.*failed: stuck',
          steps: [call(complete('done by other hands')), { text: 'ok' }],
        },
        {
          name: 'rolled back',
          matches: 'set back to checkpoint.*# Task t\\d+: wreck',
          steps: [call(bash('cat notes.txt | tee seen.txt')), hang],
        },
        {
          name: 'restarted',
          matches: '^You were interrupted .*all that you had started was ended.*: wreck',
          steps: [call(bash('echo worse > notes.txt')), hang],
        },
        {
          name: 'wreck',
          matches: '^# Task t\\d+: wreck',
          // A checkpoint is taken before the second command does harm.
          steps: [call(bash('echo good > notes.txt')), call(bash('git reset --hard; echo bad > notes.txt')), hang],
        },
        { name: 'alone', matches: '# Task t\\d+: alone', steps: [call(bash('echo kept > kept.txt')), hang] },
        { name: 'still alone', contains: ': alone', steps: [hang] },
      ],
    },
  });
  await world.ok(UP);
  await world.all('idle');
  await world.brokerUp();
  ids.wreck = await world.add('wreck', '--needs', 'pair');
  ids.alone = await world.add('alone', '--needs', 'alone', '--retries', '0');
});

afterAll(() => world[Symbol.asyncDispose]());

describe('an agent that nothing brings on', () => {
  test('is rolled back to before the trouble, told so, and then its task is done by another', async () => {
    const { wreck } = ids;
    await until(wreck, 'done');
    expect(await rungs(wreck)).toEqual(['note', 'restart', 'rollback', 'reassign']);
    const { attempts, result } = await world.task(wreck);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['released', 'released', 'failed', 'done']);
    const agents = attempts.map(({ agent }) => agent);
    const [first = ''] = agents;
    expect(agents.slice(0, 3)).toEqual([first, first, first]);
    expect(agents[3]).not.toBe(first);
    expect(result?.summary).toBe('done by other hands');

    expect((await told('restarted')).at(-1)).toContain('# Task t1: wreck');
    const after = await told('rolled back');
    expect(after.at(-1)).toMatch(/Another session began this task and ended \(it was stuck/);
    expect(after.at(-1)).toMatch(/"tool_result","content":"good/);
    // Checkpoints keep the files at the end of each attempt: at the restart the wrecked one, in the end the restored
    // one.
    expect(await stuckWith(first, 'notes.txt')).toEqual(['bad', 'good']);
  });

  test('ends as failed, with the reason in an alert, and nothing of it lost, where no other agent can do its task', async () => {
    const { alone } = ids;
    await until(alone, 'dead');
    expect(await rungs(alone)).toEqual(['note', 'restart', 'rollback', 'fail']);
    const view = await world.task(alone);
    expect(outcomes(view)).toEqual(['released', 'released', 'failed']);
    expect(view.reason).toMatch(/stuck, and nothing helped: .*no answer of the API/);
    const failed = await poll(
      async () => (await world.status()).agents.find(({ id }) => id === 'solo-1'),
      (agent) => agent?.status === 'failed',
      'solo-1 to be failed',
    );
    expect(failed?.reason).toMatch(/stuck, and nothing helped/);
    const alerts = await poll(
      () => events('alert.raised'),
      (raised) => raised.some(({ data }) => /solo-1.*nothing helped/.test(JSON.stringify(data))),
      'an alert',
    );
    expect(alerts.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ severity: 'critical', text: expect.stringContaining('stuck, and nothing helped') }),
    );
    expect(await stuckWith('solo-1', 'kept.txt')).toEqual(['kept', 'kept']);
    await world.ok(['restart', 'solo-1']);
    await world.all('idle');
  });
});
