import { accessSync, constants } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { blindedBy, openEndpoint, prepareLaunch, settingsSources } from '../../../src/claude/index.ts';
import type { ClaudeEvent } from '../../../src/claude/index.ts';
import { isolatedEnvironment } from '../../support/environment.ts';
import { startMessagesApi } from '../../support/messages-api.ts';
import { ownMounts } from '../../support/own-mounts.ts';
import { openPane } from './pane.ts';

const OFF = { disableAllHooks: true };
const ON = { disableAllHooks: false };
const ONLY = { allowManagedHooksOnly: true };
const ELSEWHERE = { allowedHttpHookUrls: ['https://hooks.example.com/*'] };
type Place = 'user' | 'project' | 'local' | 'main project' | 'main local' | 'managed' | 'drop-in';
type Written = Partial<Record<Place, unknown>>;

/** Each row is a start of Claude Code: most are tried in the long run only. */
const LONG = process.env['SWARM_TEST_LONG'] === '1';
type Rows = [files: Written, heard: boolean][];

/** Whether swarm hears of a turn under these settings. */
const OF_PERSON: Rows = [
  [{ local: ON, 'main local': OFF }, false],
  ...((LONG
    ? [
        [{ user: ELSEWHERE }, true],
        [{ project: ELSEWHERE }, true],
        [{ user: OFF }, false],
        [{ user: OFF, project: ON }, true],
        [{ local: OFF, 'main local': ON }, true],
        [{ 'main project': OFF }, true],
        [{ user: ONLY, project: ONLY, local: ONLY }, true],
      ]
    : []) as Rows),
];
/** The same, where a private view of /etc can be made. */
const OF_MACHINE: Rows = [
  [{ 'drop-in': ELSEWHERE }, true],
  ...((LONG
    ? [
        [{ managed: ELSEWHERE }, true],
        [{ 'drop-in': OFF }, false],
        [{ managed: OFF, 'drop-in': ON }, true],
        [{ managed: ON, user: OFF }, true],
        [{ 'drop-in': ONLY }, false],
        [{ managed: { strictPluginOnlyCustomization: ['hooks'] } }, false],
      ]
    : []) as Rows),
];

test('swarm takes the settings of Claude Code as Claude Code itself does, and hears of its turns where it says so', async () => {
  await using api = await startMessagesApi({ script: { rules: [], otherwise: 'Done.' } });
  await using environment = await isolatedEnvironment({ anthropicBaseUrl: api.url });
  const { directory, home, variables: env } = environment;
  const inside = (name: string): string => path.join(directory, name);
  const [root, cwd, etc, hookDir] = [inside('main'), inside('worktree'), inside('etc'), inside('hooks')];
  await repository(root, cwd, env);
  await writeFile(path.join(home, '.claude.json'), '{"hasCompletedOnboarding":true}');
  const places: Record<Place, string> = {
    user: path.join(home, '.claude/settings.json'),
    project: path.join(cwd, '.claude/settings.json'),
    local: path.join(cwd, '.claude/settings.local.json'),
    'main project': path.join(root, '.claude/settings.json'),
    'main local': path.join(root, '.claude/settings.local.json'),
    managed: path.join(etc, 'claude-code/managed-settings.json'),
    'drop-in': path.join(etc, 'claude-code/managed-settings.d/10.json'),
  };
  let events: ClaudeEvent[] = [];
  const token = randomUUID();
  const tools = { task_context: said, report_progress: said, complete_task: said, fail_task: said, ask_person: said };
  await using endpoint = await openEndpoint({
    token,
    hookDir,
    onEvent: (event) => events.push(event),
    tools,
    log: () => {},
  });

  /** @param before words before the program */
  const hears = async (files: Written, before: string[]): Promise<[seen: boolean, expected: boolean]> => {
    for (const [place, file] of Object.entries(places)) {
      await rm(file, { force: true });
      if (files[place as Place] === undefined) continue;
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, JSON.stringify(files[place as Place]));
    }
    const managed = path.join(etc, 'claude-code');
    const expected = blindedBy(await settingsSources(env, { root, cwd }, managed)) === null;
    const { argv, env: agentEnv } = await prepareLaunch({
      program: ['claude', '-p'],
      ...{ agent: 'worker-1', cwd, root, sessionId: randomUUID(), resume: false, prompt: 'Go.' },
      ...{ permissionMode: 'acceptEdits', allow: [], deny: [], trustWorkspace: true, variables: {}, env },
      endpoint: { port: endpoint.port, token, hookDir },
      filesDir: inside('files'),
      managedDir: managed,
    });
    events = [];
    const [program = '', ...rest] = [...before, ...argv];
    await execa(program, rest, { cwd, env: agentEnv, extendEnv: false, stdin: 'ignore' });
    return [events.some(({ type }) => type === 'turn-ended'), expected];
  };
  for (const [files, heard] of OF_PERSON) expect(await hears(files, []), JSON.stringify(files)).toEqual([heard, heard]);
  const mounts = ownMounts();
  if (mounts === null) return;
  await cp('/etc', etc, { recursive: true, filter: isReadable });
  const before = [...mounts, 'sh', '-c', 'mount --bind "$0" /etc && exec "$@"', etc];
  for (const [files, heard] of OF_MACHINE)
    expect(await hears(files, before), JSON.stringify(files)).toEqual([heard, heard]);
});

/** What only root may read is left out, as in a copy that a person makes. */
function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

test('a list of allowed hook addresses in the main checkout does not keep a turn in a worktree from its end', async () => {
  await using pane = await openPane({ rules: [], otherwise: 'Done.' });
  const cwd = path.join(pane.environment.directory, 'worktree');
  await repository(pane.repository, cwd, pane.environment.variables);
  await mkdir(path.join(pane.repository, '.claude'));
  await writeFile(path.join(pane.repository, '.claude/settings.local.json'), JSON.stringify(ELSEWHERE));
  await pane.start({ prompt: 'Go.', cwd });
  await expect.poll(() => pane.turn()).toMatchObject({ state: 'idle', lastMessage: 'Done.' });
});

async function said(): Promise<string> {
  return 'noted';
}

async function repository(root: string, worktree: string, env: Record<string, string>): Promise<void> {
  const git = (...words: string[]) => execa('git', words, { env, extendEnv: false });
  await git('init', '-q', '-b', 'main', root);
  const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.com'];
  await git('-C', root, ...who, 'commit', '-q', '--allow-empty', '-m', 'first');
  await git('-C', root, 'worktree', 'add', '-q', worktree);
}
