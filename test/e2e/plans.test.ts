import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectError, inside, openWorld, SHELL_WORKER, UP, type World } from './world.ts';

const PLAN = `name: night
vars: {word: hello}
defaults: {retries: 0}
tasks:
  design: {command: [sh, -c, 'echo "$0" >design.txt', "{{word}} {{word}}"]}
  page:   {command: [sh, -c, 'cat design.txt >"$0.txt"', "{{page}}"], after: design, matrix: {page: [cart, checkout]}}
  broken: {command: [sh, -c, 'echo half >broken.txt; exit 1'], after: design}
  report: {command: [sh, -c, 'ls >report.txt'], after: [page, {task: broken, onFailure: continue}]}
  deploy: {command: ["true"], after: [{task: broken, onFailure: skip}]}
`;

interface Group {
  group: string;
  tasks: { name: string; id: string }[];
  existing: boolean;
}

describe('A plan', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld({
      repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': SHELL_WORKER, 'plans/night.yaml': PLAN } },
    });
    await world.ok(UP);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const run = async (...args: string[]): Promise<Group> =>
    (await world.ok(['task', 'run', 'plans/night.yaml', '--json', ...args])).json<Group>();

  const list = async (): Promise<{ id: string; title: string; state: string; reason: string | null }[]> =>
    (await world.ok(['task', 'ls', '--json'])).json();

  test('runs to its end: each task after those that it waits for, and what fails as each edge says', async () => {
    const ended = await world.run(['task', 'run', 'plans/night.yaml', '--var', 'word=two words', '--follow']);
    expect(ended.exitCode, ended.stdout + ended.stderr).toBe(1);
    const byTitle = new Map((await list()).map((task) => [task.title, task]));
    expect([...byTitle].map(([title, { state }]) => `${title} ${state}`).toSorted()).toEqual([
      'broken dead',
      'deploy cancelled',
      'design done',
      'page[cart] done',
      'page[checkout] done',
      'report done',
    ]);
    const id = (title: string): string => byTitle.get(title)?.id ?? '?';
    expect(byTitle.get('deploy')?.reason).toBe(`skipped: ${id('broken')}`);
    // One word of the argv, whatever it holds; and the code of all that was done, of nothing else.
    expect(await world.show(id('page[cart]'), 'cart.txt')).toBe('two words two words');
    expect((await world.show(id('report'), 'report.txt')).split('\n')).toEqual(
      expect.arrayContaining(['cart.txt', 'checkout.txt', 'design.txt']),
    );
    expect(await world.show(id('report'), 'report.txt')).not.toContain('broken.txt');
  });

  test('run again is a group of its own, and with the key of one that is there adds nothing', async () => {
    const first = await run('--key', 'tonight');
    const before = (await list()).length;
    const second = await run('--key', 'tonight');
    expect(second).toEqual({ ...first, existing: true });
    expect(first).toMatchObject({ group: 'night-2', existing: false });
    expect(first.tasks.map(({ name }) => name)).toEqual([
      'design',
      'page[cart]',
      'page[checkout]',
      'broken',
      'report',
      'deploy',
    ]);
    expect(await list()).toHaveLength(before);
  });

  test('that is wrong adds nothing, and the error names the line', async () => {
    const before = (await list()).length;
    await writeFile(
      path.join(world.repository.path, 'plans/wrong.yaml'),
      PLAN.replace('after: design,', 'after: dsign,'),
    );
    expectError(
      await world.run(['task', 'run', 'plans/wrong.yaml']),
      2,
      /plans\/wrong\.yaml:6:\d+: .*no task `dsign`/,
      /Did you mean `design`\?/,
    );
    // Refused by the supervisor, after the plan itself was found good: not one task of it is there.
    await writeFile(
      path.join(world.repository.path, 'plans/wrong.yaml'),
      PLAN.replace('["true"]', '["true"], agent: nobody'),
    );
    expectError(await world.run(['task', 'run', 'plans/wrong.yaml']), 2, /no agent "nobody"/, /worker-1/);
    await mkdir(inside(world, 'elsewhere'));
    await writeFile(inside(world, 'elsewhere/plan.yaml'), PLAN);
    expectError(
      await world.run(['task', 'run', inside(world, 'elsewhere/plan.yaml')]),
      2,
      /outside of the repository/,
      /Put the plan into the repository/,
    );
    const dry = await world.ok(['task', 'run', 'plans/night.yaml', '--dry-run']);
    expect(dry.stdout).toContain('report after page[cart], page[checkout], broken');
    expect(await list()).toHaveLength(before);
  });
});
