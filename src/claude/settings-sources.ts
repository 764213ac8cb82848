import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { configDir, readJson, type Env } from './home.ts';

/** One of Claude Code's settings files. `managed`: of the machine's administrator. */
export interface SettingsSource {
  of: 'managed' | 'local' | 'project' | 'user';
  file: string;
  settings: Readonly<Record<string, unknown>>;
}

/** Where an agent works. */
export interface SettingsPlace {
  /** Root of the main checkout. */
  root: string;
  /** Its worktree, or the main checkout itself; null: there is none yet, so its files do not count. */
  cwd: string | null;
}

const MANAGED_DIR = process.platform === 'darwin' ? '/Library/Application Support/ClaudeCode' : '/etc/claude-code';

/**
 * The settings that Claude Code obeys in `cwd` beside swarm's `--settings`, the strongest first; those of `--settings`
 * come after the managed ones. In a linked worktree the main checkout's settings.local.json counts too, above the
 * worktree's own.
 * @param managedDir where the administrator's settings lie
 */
export async function settingsSources(
  env: Env,
  { root, cwd }: SettingsPlace,
  managedDir: string = MANAGED_DIR,
): Promise<SettingsSource[]> {
  const local = (checkout: string): string => path.join(checkout, '.claude', 'settings.local.json');
  const checkouts = cwd === null || (await isSame(root, cwd)) ? [root] : [root, cwd];
  const found = await Promise.all([
    readAll('managed', await managedFiles(managedDir)),
    readAll('local', checkouts.map(local)),
    readAll('project', cwd === null ? [] : [path.join(cwd, '.claude', 'settings.json')]),
    readAll('user', [path.join(configDir(env), 'settings.json')]),
  ]);
  return found.flat();
}

async function readAll(of: SettingsSource['of'], files: readonly string[]): Promise<SettingsSource[]> {
  const read = await Promise.all(files.map(async (file) => ({ of, file, settings: await readJson(file) })));
  return read.flatMap(({ settings, ...source }) => (settings === null ? [] : [{ ...source, settings }]));
}

/** The administrator's file and its drop-ins; of these the last by name is the strongest. */
async function managedFiles(directory: string): Promise<string[]> {
  const dropIns = path.join(directory, 'managed-settings.d');
  const names = await readdir(dropIns).catch(() => []);
  const counting = names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).toSorted();
  return [
    ...counting.toReversed().map((name) => path.join(dropIns, name)),
    path.join(directory, 'managed-settings.json'),
  ];
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((place) => realpath(place).catch(() => place)));
  return one === other;
}

/** A setting that keeps swarm's hooks from running. */
export interface Blinding {
  of: SettingsSource['of'];
  file: string;
  key: 'disableAllHooks' | 'allowManagedHooksOnly' | 'strictPluginOnlyCustomization' | 'allowedHttpHookUrls';
}

/**
 * The setting that switches off the hooks of `--settings`, without which swarm sees nothing; null: none. Of
 * `disableAllHooks` the strongest source that has it counts; the other two count in managed settings alone. A list
 * `allowedHttpHookUrls` is not among them: swarm joins it. Pure.
 */
export function blindedBy(sources: readonly SettingsSource[]): Blinding | null {
  const managed = sources.filter(({ of }) => of === 'managed');
  const off = strongest(sources, 'disableAllHooks');
  const only = strongest(managed, 'allowManagedHooksOnly');
  const strict = managed.find(({ settings: { strictPluginOnlyCustomization: value } }) =>
    Array.isArray(value) ? value.includes('hooks') : value === true,
  );
  if (only?.settings['allowManagedHooksOnly'] === true) return blinding(only, 'allowManagedHooksOnly');
  if (strict !== undefined) return blinding(strict, 'strictPluginOnlyCustomization');
  return off?.settings['disableAllHooks'] === true ? blinding(off, 'disableAllHooks') : null;
}

/**
 * The list of hook addresses that shuts swarm's out of a process that was started before there was any list: a next
 * process has swarm's address in its own. Null: none. Pure.
 */
export function shutOutBy(sources: readonly SettingsSource[]): Blinding | null {
  const found = sources.find(({ settings }) => Array.isArray(settings['allowedHttpHookUrls']));
  return found === undefined ? null : blinding(found, 'allowedHttpHookUrls');
}

/** The blinding that no file of a worktree can take back: all but `disableAllHooks` of the person. Pure. */
export function blindedAnywhere(sources: readonly SettingsSource[]): Blinding | null {
  return blindedBy(sources.filter(({ of }) => of !== 'user'));
}

/** What a blinding means, and its cure: a sentence each. */
export function blindingText({ of, file, key }: Blinding): { message: string; cure: string } {
  return {
    message: `Claude Code's hooks are switched off by ${key} in ${file}: the agent could not be watched.`,
    cure:
      key === 'allowedHttpHookUrls'
        ? 'Start the agent again with `swarm restart`, which adds the address of swarm to that list, or take it out.'
        : of === 'managed'
          ? `Ask the administrator of this machine to take ${key} out of that file.`
          : `Take ${key} out of that file.`,
  };
}

function strongest(sources: readonly SettingsSource[], key: string): SettingsSource | undefined {
  return sources.find(({ settings }) => typeof settings[key] === 'boolean');
}

function blinding({ of, file }: SettingsSource, key: Blinding['key']): Blinding {
  return { of, file, key };
}
