import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The directory of swarm's own package, with its `package.json` and the files that it ships beside programs: the
 * nearest one above `from`, a file's directory among the sources or in a build.
 * @throws when there is none, as in a damaged installation
 */
export function packageRoot(from: string): string {
  for (let directory = from; ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json'))) return directory;
    if (directory === path.dirname(directory)) throw new Error(`no package.json above ${from}`);
  }
}
