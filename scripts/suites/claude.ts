import { realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

export interface OtherClaude {
  /** Where scripts/setup has installed it. */
  directory: string;
  version: string;
}

/**
 * The Claude Code that is tested in place of the pinned one.
 * @param name a version, or a tag of the registry
 * @throws where scripts/setup has not installed it
 */
export function otherClaude(name: string): OtherClaude {
  const cache = process.env['XDG_CACHE_HOME'] ?? '';
  // A tag is a link to what it meant when the tests were set up.
  const directory = realpathSync(path.join(cache || path.join(os.homedir(), '.cache'), 'swarm/claude', name));
  return { directory, version: path.basename(directory) };
}
