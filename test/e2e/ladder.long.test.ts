import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bash, call, complete } from '../support/model-tools.ts';
import { openWorld, outcomes, UP, type World, type EventView } from './world.ts';

/** Each scene has an agent of its own: the limit of one must not decide another. */
const SCENES = { quiet: 'worker-1', loop: 'worker-2', hang: 'worker-3', endless: 'guarded-1' } as const;
type Scene = keyof typeof SCENES;

let world: World;
const ids = new Map<Scene, string>();

/** Waits until the task of a scene is done. */
async function done(scene: Scene): Promise<string> {
  const id = ids.get(scene) ?? '';
  await world.done(id);
  return id;
}

const hang = { fault: { kind: 'hang' as const }, times: null };

/** Events of one task, or of none, whose name begins so. */
async function eventsOf(task: string | null, prefix: string): Promise<EventView[]> {
  const { jsonLines } = await world.ok(['events', '--json', '--lines', '500']);
  const all = jsonLines<EventView>();
  return all.filter((event) => event.task === task && event.name.startsWith(prefix));
}

/** The rungs that were taken for a task. */
async function rungs(task: string): Promise<string[]> {
  const names = (await eventsOf(task, 'agent.ladder.')).map(({ name }) => name.slice('agent.ladder.'.length));
  // On a slow machine a nudge may come when there is no turn to hear it.
  return names.filter((name) => name !== 'reset' && name !== 'missed');
}

beforeAll(async () => {
  world = await openWorld({
    repository: {
      files: {
        'README.md': 'a project\n',
        'swarm.yaml': [
          'agents:',
          '  worker: {count: 3, allow: ["Bash"]}',
          '  guarded: {count: 1, allow: ["Bash"], limits: {turn: {hard: 5s}}}',
          'health:',
          '  stuckAfter: 4s',
          '  loopAfter: 4',
          '  ladder: {nudge: 0s, interrupt: 1s, restart: 3s, rollback: never, reassign: never, fail: never}',
          '',
        ].join('\n'),
      },
    },
    script: {
      rules: [
        {
          name: 'started again',
          contains: 'all that you had started was ended',
          steps: [call(complete('answered at last')), { text: 'ok' }],
        },
        {
          name: 'hung again',
          matches: '^You were interrupted \\(t\\d+ running: no answer of the API.*: hang',
          steps: [hang, call(complete('x'))],
        },
        { name: 'hang', matches: '^# Task t\\d+: hang', steps: [hang, call(complete('never'))] },
        { name: 'nudged', matches: '^# Task t\\d+: loop', steps: [call(bash('echo the same'))], loop: true },
        {
          name: 'out of the loop',
          matches: '^You were interrupted \\(loop: .*echo the same',
          steps: [call(complete('another way')), { text: 'ok' }],
        },
        {
          name: 'short',
          matches: '^You were interrupted \\(the length of its turn',
          steps: [call(complete('short enough')), { text: 'ok' }],
        },
        {
          name: 'endless',
          matches: '^# Task t\\d+: endless',
          steps: [{ ...call(bash('date +%N')), delayMs: 1_000 }],
          loop: true,
        },
        {
          name: 'quiet',
          matches: '^# Task t\\d+: quiet',
          steps: [
            call(bash('tail -f /dev/null; echo ended')),
            call(complete('went on after its command')),
            { text: 'ok' },
          ],
        },
      ],
    },
  });
  await world.ok(UP);
  await world.all('idle');
  await world.brokerUp();
  // Side by side: each waits more than it works.
  for (const [scene, agent] of Object.entries(SCENES) as [Scene, string][])
    ids.set(scene, await world.add(scene, '--agent', agent));
});

afterAll(() => world[Symbol.asyncDispose]());

// On a slow machine an agent may be stuck in more ways than its scene intends, so only the intended way is checked.
describe('an agent that does not get on', () => {
  test('stops its command when that does nothing any more, and goes on', async () => {
    const id = await done('quiet');
    expect((await rungs(id)).slice(0, 3)).toEqual(['note', 'nudge', 'interrupt']);
    const stuck = await eventsOf(id, 'agent.status.stuck');
    expect(stuck.map(({ data }) => data['reason'])).toContainEqual(
      expect.stringMatching(/a command has done nothing for .*tail -f/),
    );
    expect((await world.task(id)).result?.summary).toMatch(/went on after its command|answered at last/);
  });

  test('is brought out of a loop', async () => {
    const id = await done('loop');
    const stuck = await eventsOf(id, 'agent.status.stuck');
    expect(stuck.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ rule: 'loop', reason: expect.stringContaining('echo the same') }),
    );
    expect(await rungs(id)).toEqual(expect.arrayContaining(['note', 'nudge', 'interrupt']));
    expect((await world.task(id)).result?.summary).toMatch(/another way|answered at last/);
  });

  test('that hangs at the API climbs the ladder until it is started again, in the same conversation', async () => {
    const id = await done('hang');
    expect((await rungs(id)).slice(0, 4)).toEqual(['note', 'nudge', 'interrupt', 'restart']);
    const view = await world.task(id);
    expect(view.result?.summary).toBe('answered at last');
    expect(outcomes(view).at(-1)).toBe('done');
    expect(new Set(view.attempts.map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  test('whose turn is too long is cut short and told so', async () => {
    const id = await done('endless');
    expect(await rungs(id)).toContain('interrupt');
    expect((await world.task(id)).result?.summary).toMatch(/short enough|answered at last/);
    const limits = await eventsOf(null, 'agent.limit.hard');
    expect(limits.map(({ data }) => data['text'])).toContainEqual(expect.stringContaining('the length of its turn is'));
  });
});
