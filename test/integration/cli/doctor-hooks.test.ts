import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkHooks } from '../../../src/cli/doctor/hooks.ts';
import type { Patient } from '../../../src/cli/doctor/patient.ts';
import { parseConfig } from '../../../src/config/index.ts';
import { isolatedEnvironment } from '../../support/environment.ts';
import { temporaryRepository } from '../../support/repository.ts';

const OFF = '{"disableAllHooks":true}';
const CONFIG = 'agents: {worker: {count: 2}, builder: {kind: shell, count: 1}}';

test('doctor names the file of an agent’s worktree that switches hooks off, and one that counts for all once', async () => {
  await using environment = await isolatedEnvironment();
  const { path: root, git } = await temporaryRepository({ parent: environment.directory });
  const worktreesDir = path.join(environment.directory, 'repo.swarm');
  for (const agent of ['worker-1', 'worker-2', 'builder-1'])
    await git('worktree', 'add', '-q', '--detach', path.join(worktreesDir, agent));
  const patient = {
    context: { env: environment.variables },
    layout: { root, worktreesDir },
    config: parseConfig(CONFIG, 'swarm.yaml'),
  } as unknown as Patient;
  const texts = async () => (await checkHooks(patient)).map(({ check, text }) => `${check}: ${text}`);
  const switchOff = async (checkout: string, name: string): Promise<string> => {
    const file = path.join(checkout, '.claude', name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, OFF);
    return `claude-hooks: Claude Code's hooks are switched off by disableAllHooks in ${file}: the agent could not be watched`;
  };

  await switchOff(path.join(worktreesDir, 'builder-1'), 'settings.json');
  expect(await texts()).toEqual([]);
  const one = await switchOff(path.join(worktreesDir, 'worker-2'), 'settings.json');
  expect(await texts()).toEqual([one]);
  const all = await switchOff(root, 'settings.local.json');
  expect(await texts()).toEqual([all]);
});
