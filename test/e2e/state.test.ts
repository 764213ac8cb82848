import { cp, readFile, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, test } from 'vitest';
import { expectError, find, inside, openWorld, SHELL_WORKER, UP, type World } from './world.ts';

/** Swarms whose tasks only wait need no broker, whose start and stop take longer than everything else. */
const SETTINGS = `${SHELL_WORKER}stopGrace: 1s\nbroker: {url: "amqp://127.0.0.1:1"}\n`;

let world: World;
afterEach(() => world[Symbol.asyncDispose]());

const open = async (): Promise<void> => {
  world = await openWorld({ repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': SETTINGS } } });
};
const states = (): string => path.join(world.environment.stateHome, 'swarm');
const titles = async (cwd = world.repository.path): Promise<string[]> =>
  (await world.ok(['task', 'ls', '--json'], { cwd })).json<{ title: string }[]>().map(({ title }) => title);
/** The files of a store with their content. */
const content = async (directory: string): Promise<[string, string][]> =>
  Promise.all(
    (await find(directory, '-type', 'f')).map(
      async (file) => [file, await readFile(file, 'latin1')] as [string, string],
    ),
  );

describe('two stores of one repository', () => {
  test('the newer counts, the other is kept as it is and named once', async () => {
    await open();
    await world.ok(UP);
    const { hash } = (await world.status()).project;
    await world.shell('echo older');
    await world.ok(['down']);
    const [present, older, newer] = [hash, `one-${hash}`, `two-${hash}`].map((name) => path.join(states(), name));
    if (present === undefined || older === undefined || newer === undefined) throw new Error('no state');
    await cp(present, older, { recursive: true });
    for (const name of ['swarm.db', 'project.json']) await utimes(path.join(older, name), 1e9, 1e9);
    await world.ok(UP);
    await world.shell('echo newer');
    await world.ok(['down']);
    // As 0.1.0 left them.
    await rename(present, newer);
    const before = await content(older);

    expect(await titles()).toEqual(['echo newer', 'echo older']);
    const { stderr } = await world.ok(UP);
    expect(stderr.split('\n').filter((line) => line.includes(older))).toEqual([
      `note: this repository has tasks in more than one place: ${present} counts, what lies in ${older} (last used 2001-09-09) is kept and not used`,
    ]);
    expect(await titles()).toEqual(['echo newer', 'echo older']);
    expect((await world.run(['doctor'])).stdout.split(older)).toHaveLength(2);
    expect((await world.ok(['logs', 'supervisor'])).stdout).toContain('the supervisor is up');

    await world.ok(['down', '--purge', '--yes']);
    expect((await world.ok(['down', '--purge', '--yes'])).stdout).toContain('was not up');
    await world.ok(UP);
    expect(await titles()).toEqual([]);
    expect(await content(older)).toEqual(before);
  });
});

describe('a bare repository with worktrees', () => {
  test('is one project: tasks, logs, checkpoints and places are the same from every worktree', async () => {
    await open();
    const proj = inside(world, 'proj');
    const [one, two] = [path.join(proj, 'one'), path.join(proj, 'two')];
    const git = (...args: string[]) => execa('git', ['-C', path.join(proj, '.bare'), ...args]);
    await execa('git', ['clone', '-q', '--bare', world.repository.path, path.join(proj, '.bare')]);
    await git('worktree', 'add', '-q', one, 'main');
    await git('worktree', 'add', '-q', '-b', 'feat', two);
    expectError(await world.run(['status'], { cwd: proj }), 1, 'is not inside a git repository', one, two);
    await writeFile(path.join(proj, '.git'), 'gitdir: ./.bare\n');
    expectError(await world.run(UP, { cwd: proj }), 1, 'bare repository', one, two);

    expect((await world.ok(UP, { cwd: one })).stderr).not.toContain('note: swarm.yaml');
    await world.ok(['task', 'add', 'from one', '--', 'true'], { cwd: one });
    const seenFrom = async (cwd: string) => ({
      status: (await world.ok(['status', '--json'], { cwd })).json<{ project: unknown }>().project,
      tasks: await titles(cwd),
    });
    const seen = await seenFrom(one);
    expect(seen).toMatchObject({ status: { name: 'proj', root: one }, tasks: ['from one'] });
    expect((await world.ok(['checkpoint', 'worker-1', '-m', 'mine'], { cwd: two })).exitCode).toBe(0);
    for (const place of [two, proj]) {
      expect(await seenFrom(place)).toEqual(seen);
      expect((await world.ok(['checkpoint', 'ls', 'worker-1'], { cwd: place })).stdout).toContain('mine');
      expect((await world.ok(['logs', 'supervisor'], { cwd: place })).stdout).toContain('the supervisor is up');
    }
    await world.ok(['down'], { cwd: proj });
    expect(await titles(two)).toEqual(['from one']);

    const again = await world.ok(UP, { cwd: two });
    expect(again.stderr).toContain(`note: swarm.yaml and the branch to start from are those of ${one}, not of ${two}`);
    expect(await seenFrom(two)).toEqual(seen);
    expect((await readdir(proj)).toSorted()).toEqual(['.bare', '.git', 'one', 'one.swarm', 'two']);
    expect((await readdir(states())).filter((name) => /[0-9a-f]{10}$/.test(name))).toHaveLength(1);
    await world.ok(['down'], { cwd: two });

    // With the root gone the next one takes its place, and the agents stay where they are.
    await git('worktree', 'remove', '--force', one);
    await world.ok(UP, { cwd: two });
    expect(await seenFrom(two)).toMatchObject({ status: { name: 'proj', root: two }, tasks: ['from one'] });
    expect((await readdir(proj)).toSorted()).toEqual(['.bare', '.git', 'one.swarm', 'two']);
    await world.ok(['down'], { cwd: two });
  });
});

describe('a folder that changes while swarm is down', () => {
  test('copied: the copy is a project of its own, and the tasks stay with the original', async () => {
    await open();
    const shop = world.repository.path;
    const store = `${shop}-store`;
    await world.ok(UP);
    await world.shell('echo waits');
    await world.ok(['down']);
    await cp(shop, store, { recursive: true });
    await world.ok(UP, { cwd: store });
    expect(await titles(store)).toEqual([]);
    await world.ok(['down'], { cwd: store });
    await world.ok(UP);
    expect(await titles()).toEqual(['echo waits']);
  });

  test('deleted and made anew: the tasks of the one before are not its own, and are kept', async () => {
    await open();
    const { path: place, git } = world.repository;
    await world.ok(UP);
    await world.shell('echo before');
    await world.ok(['down']);
    await rm(path.join(place, '.git'), { recursive: true });
    await git('init', '-q', '-b', 'main');
    await git('add', '-A');
    await git('commit', '-q', '-m', 'anew');
    expectError(await world.run(['task', 'ls']), 1, 'is another repository than the one whose tasks are in');
    expect((await world.run(['doctor'])).stdout).toContain('is another repository than the one whose tasks are in');
    const { stderr } = await world.run(UP);
    const [, kept = ''] = /the tasks of that one are kept in (\S+)/.exec(stderr) ?? [];
    expect(await find(kept, '-name', 'swarm.db')).toHaveLength(1);
    expect(await titles()).toEqual([]);
  });
});
