import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { hooksGate } from '../../../src/claude/preflight.ts';
import { blindedBy, settingsSources } from '../../../src/claude/settings-sources.ts';

const OFF = { disableAllHooks: true };
const ON = { disableAllHooks: false };
const ONLY = { allowManagedHooksOnly: true };
const FILES = {
  user: 'home/.claude/settings.json',
  project: 'worktree/.claude/settings.json',
  local: 'worktree/.claude/settings.local.json',
  'main project': 'main/.claude/settings.json',
  'main local': 'main/.claude/settings.local.json',
  managed: 'managed/managed-settings.json',
  'drop-in 10': 'managed/managed-settings.d/10.json',
  'drop-in 20': 'managed/managed-settings.d/20.json',
  'hidden drop-in': 'managed/managed-settings.d/.30.json',
};
type Place = keyof typeof FILES;
type Written = Partial<Record<Place, unknown>>;

interface World {
  directory: string;
  write(files: Written): Promise<void>;
  /** The place whose setting blinds; null: none. */
  blinded(files: Written): Promise<string | null>;
}

const test = base.extend<{ world: World }>({
  world: async ({}, use) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'sw-sources-'));
    const write: World['write'] = async (files) => {
      for (const [place, name] of Object.entries(FILES)) {
        const file = path.join(directory, name);
        await mkdir(path.dirname(file), { recursive: true });
        await rm(file, { force: true });
        if (files[place as Place] !== undefined) await writeFile(file, JSON.stringify(files[place as Place]));
      }
    };
    await write({});
    await use({
      directory,
      write,
      blinded: async (files) => {
        await write(files);
        const found = blindedBy(await sourcesOf(directory));
        if (found === null) return null;
        const [place] = Object.entries(FILES).find(([, name]) => path.join(directory, name) === found.file) ?? [];
        return `${found.key} of ${place}`;
      },
    });
    await rm(directory, { recursive: true });
  },
});

function sourcesOf(directory: string, cwd: string | null = path.join(directory, 'worktree')) {
  const root = path.join(directory, 'main');
  return settingsSources({ HOME: path.join(directory, 'home') }, { root, cwd }, path.join(directory, 'managed'));
}

test('the sources are those of Claude Code, the strongest first', async ({ world }) => {
  await world.write(Object.fromEntries(Object.keys(FILES).map((place) => [place, { place }])));
  const places = async (cwd?: string | null) =>
    (await sourcesOf(world.directory, cwd)).map(({ of, settings }) => `${of}: ${String(settings['place'])}`);
  const managed = ['managed: drop-in 20', 'managed: drop-in 10', 'managed: managed'];
  expect(await places()).toEqual([...managed, 'local: main local', 'local: local', 'project: project', 'user: user']);
  expect(await places(null)).toEqual([...managed, 'local: main local', 'user: user']);
  // The main checkout itself, also by another path, has one file of each kind.
  const link = path.join(world.directory, 'link');
  await symlink(path.join(world.directory, 'main'), link);
  expect(await places(link)).toEqual([...managed, 'local: main local', 'project: main project', 'user: user']);
});

test('the strongest source that says something about disableAllHooks counts', async ({ world }) => {
  expect(await world.blinded({})).toBeNull();
  expect(await world.blinded({ user: OFF })).toBe('disableAllHooks of user');
  expect(await world.blinded({ user: OFF, project: ON })).toBeNull();
  expect(await world.blinded({ project: OFF, local: ON })).toBeNull();
  expect(await world.blinded({ local: ON, 'main local': OFF })).toBe('disableAllHooks of main local');
  expect(await world.blinded({ local: OFF, 'main local': ON })).toBeNull();
  expect(await world.blinded({ 'main project': OFF })).toBeNull();
  expect(await world.blinded({ 'main local': OFF, managed: ON })).toBeNull();
  expect(await world.blinded({ 'main local': ON, managed: OFF })).toBe('disableAllHooks of managed');
  expect(await world.blinded({ managed: OFF, 'drop-in 10': ON })).toBeNull();
  expect(await world.blinded({ 'drop-in 10': ON, 'drop-in 20': OFF })).toBe('disableAllHooks of drop-in 20');
  expect(await world.blinded({ 'hidden drop-in': OFF })).toBeNull();
});

test('managed settings alone can allow managed hooks only', async ({ world }) => {
  expect(await world.blinded({ user: ONLY, project: ONLY, local: ONLY, 'main local': ONLY })).toBeNull();
  expect(await world.blinded({ managed: ONLY })).toBe('allowManagedHooksOnly of managed');
  expect(await world.blinded({ 'drop-in 10': ONLY })).toBe('allowManagedHooksOnly of drop-in 10');
  expect(await world.blinded({ managed: ONLY, 'drop-in 10': { allowManagedHooksOnly: false } })).toBeNull();
  for (const strictPluginOnlyCustomization of [true, ['hooks']]) {
    const strict = { strictPluginOnlyCustomization };
    expect(await world.blinded({ user: strict })).toBeNull();
    expect(await world.blinded({ managed: strict })).toBe('strictPluginOnlyCustomization of managed');
  }
  expect(await world.blinded({ managed: { strictPluginOnlyCustomization: ['skills'] } })).toBeNull();
});

test('the person is told the key and the file; before there is a worktree only what no file in it can change', async ({
  world,
}) => {
  const gate = async (cwd: string | null) => {
    const [root, managed] = [path.join(world.directory, 'main'), path.join(world.directory, 'managed')];
    return await hooksGate({ HOME: path.join(world.directory, 'home') }, { root, cwd }, { managedDir: managed });
  };
  const worktree = path.join(world.directory, 'worktree');
  await world.write({ user: OFF });
  expect(await gate(null)).toBeNull();
  expect(await gate(worktree)).toMatchObject({ kind: 'hooks', blocking: true });
  await world.write({ 'main local': OFF });
  for (const cwd of [null, worktree]) {
    const file = path.join(world.directory, FILES['main local']);
    expect((await gate(cwd))?.message).toContain(`disableAllHooks in ${file}`);
  }
  await world.write({ managed: ONLY });
  expect((await gate(null))?.cure).toContain('administrator');
});
