import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The directory of swarm's own package, which has its `package.json` and what it ships beside programs: the nearest one
 * above `from`, a file's directory among the sources or in a build.
 * @throws when there is none, as in an installation that somebody took apart
 */
export function packageRoot(from: string): string {
  for (let directory = from; ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json'))) return directory;
    if (directory === path.dirname(directory)) throw new Error(`no package.json above ${from}`);
  }
}
