import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';
import { readYaml } from '../yaml/read.ts';
import { leadsOutside } from './leads-outside.ts';
import { configSchema, type Config } from './schema.ts';

export type { Config, RoleConfig } from './schema.ts';

export const CONFIG_FILE = 'swarm.yaml';

/**
 * The settings of the project whose main worktree is `root`. No file means all defaults. For composition roots only.
 * @throws SwarmError `bad-config` (exit code 2) with `file:line:column`, the key, what is accepted and the nearest key
 */
export async function loadConfig(root: string): Promise<Config> {
  return await configOf(await readConfigText(root), root);
}

/** The file as it is; null: there is none. @throws SwarmError `bad-config` where it cannot be read */
export async function readConfigText(root: string): Promise<string | null> {
  const file = path.join(root, CONFIG_FILE);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new SwarmError('bad-config', `${file} cannot be read: ${(error as Error).message}`, {
      hint: 'Make it readable, or move it away to use the defaults.',
      cause: error,
      exitCode: 2,
    });
  }
}

/** Reads such a text as the settings of the project at `root`. @throws SwarmError `bad-config` */
export async function configOf(text: string | null, root: string): Promise<Config> {
  const file = path.join(root, CONFIG_FILE);
  if (text === null) return configSchema.parse({});
  const config = parseConfig(text, file);
  await refuseOutside(config, root, file);
  return config;
}

/** Files outside may belong to another program or person, and an agent that is given a link may change them. */
async function refuseOutside({ worktree }: Config, root: string, file: string): Promise<void> {
  for (const key of ['copy', 'link'] as const) {
    for (const entry of worktree[key]) {
      const place = await leadsOutside(root, key, entry);
      if (place === null) continue;
      throw new SwarmError(
        'bad-config',
        `${file}: worktree.${key}: ${entry} leads out of the repository, to ${place}`,
        {
          hint: 'Name what lies inside; what agents may share elsewhere, let `worktree.setup` link.',
          exitCode: 2,
        },
      );
    }
  }
}

/** Pure. `file` is only named in errors. @throws SwarmError `bad-config` */
export function parseConfig(text: string, file: string): Config {
  return readYaml(text, file, configSchema, 'bad-config').value;
}
