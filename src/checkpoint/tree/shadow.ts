import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gitText } from '../../git/git.ts';
import { makeDirectory } from '../../lib/make-directory.ts';
import type { CheckpointPlace } from './types.ts';

/**
 * Attributes of the shadow git directory, which has its own index files and writes objects into the real repository.
 * They outrank every .gitattributes, so that files are stored byte for byte: no line-ending conversion, no filters.
 */
const ATTRIBUTES = '* -text -eol -filter -ident -working-tree-encoding -crlf\n';

function shadowConfig(objectFormat: string): string {
  const lines = [
    '[core]',
    `repositoryFormatVersion = ${objectFormat === 'sha1' ? 0 : 1}`,
    'bare = false',
    'fileMode = true',
    'symlinks = true',
    'ignoreCase = false',
    'autocrlf = false',
    'safecrlf = false',
    'sparseCheckout = false',
    'fsmonitor = false',
    'untrackedCache = false',
    'splitIndex = false',
    // An unchanged index file proves that no file changed, modes included: for that git must compare the change time.
    'trustctime = true',
    'checkStat = default',
    '[submodule]',
    'recurse = false',
    ...(objectFormat === 'sha1' ? [] : ['[extensions]', `objectFormat = ${objectFormat}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Makes shadow.git unless it exists. Several processes may do so at once: it appears whole, by one rename. */
export async function ensureShadow(place: CheckpointPlace): Promise<void> {
  if (existsSync(path.join(place.shadowGit, 'HEAD'))) return;
  const objectFormat = await gitText(['rev-parse', '--show-object-format'], { cwd: place.worktree });
  const parent = path.dirname(place.shadowGit);
  await makeDirectory(parent, 0o700);
  const making = await mkdtemp(path.join(parent, 'shadow-making-'));
  try {
    for (const folder of ['info', 'objects', 'refs']) await mkdir(path.join(making, folder));
    await writeFile(path.join(making, 'HEAD'), 'ref: refs/heads/none\n');
    await writeFile(path.join(making, 'config'), shadowConfig(objectFormat));
    await writeFile(path.join(making, 'info', 'attributes'), ATTRIBUTES);
    // A link, so that later additions by the person count at once.
    await symlink(personsExclude(place.gitCommonDir), path.join(making, 'info', 'exclude'));
    await rename(making, place.shadowGit);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

const personsExclude = (gitCommonDir: string): string => path.join(gitCommonDir, 'info', 'exclude');

/** Has shadow.git ignore what the repository does where that is now. Can be repeated; without shadow.git: nothing. */
export async function linkShadow({ shadowGit, gitCommonDir }: Omit<CheckpointPlace, 'worktree' | 'agent'>) {
  const info = path.join(shadowGit, 'info');
  if (!existsSync(info)) return;
  const making = await mkdtemp(path.join(info, 'exclude-making-'));
  try {
    await symlink(personsExclude(gitCommonDir), path.join(making, 'exclude'));
    await rename(path.join(making, 'exclude'), path.join(info, 'exclude'));
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

export function indexPath(place: CheckpointPlace): string {
  return path.join(place.shadowGit, `${place.agent}.index`);
}

export function shadowEnvironment(place: CheckpointPlace, index: string): Record<string, string> {
  return {
    GIT_DIR: place.shadowGit,
    GIT_WORK_TREE: place.worktree,
    GIT_OBJECT_DIRECTORY: path.join(place.gitCommonDir, 'objects'),
    GIT_INDEX_FILE: index,
  };
}
