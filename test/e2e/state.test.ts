import { cp, readFile, rename, utimes } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { find, openWorld, SHELL_WORKER, UP, type World } from './world.ts';

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
