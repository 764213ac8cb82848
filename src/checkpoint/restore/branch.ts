import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { joinNul, splitNul } from '../../git/bytes.ts';
import { isGitError } from '../../git/errors.ts';
import { gitText, runGit } from '../../git/git.ts';
import { identityEnvironment } from '../../git/identity.ts';
import { inConfigHome } from '../tree/ignore-rules.ts';
import { shadowEnvironment } from '../tree/shadow.ts';
import type { Checkpoint, CheckpointPlace } from '../tree/types.ts';

export interface MadeBranch {
  n: number;
  branch: string;
  commit: string;
}

/**
 * Makes a branch that begins with the files of a checkpoint: one ordinary commit on top of the checkpoint's HEAD,
 * without the bookkeeping of checkpoints, or HEAD itself where no file differed from it. Nothing is checked out.
 * Errors: `bad-branch` (exit code 2), `branch-exists`.
 */
export async function branchCheckpoint(
  place: CheckpointPlace,
  checkpoint: Checkpoint,
  branch: string,
): Promise<MadeBranch> {
  const { gitCommonDir } = place;
  const options = { cwd: gitCommonDir, env: { GIT_DIR: gitCommonDir } };
  const valid = await runGit(['check-ref-format', '--branch', branch], { ...options, okCodes: [1, 128] });
  if (valid.exitCode !== 0) {
    throw new SwarmError('bad-branch', `"${branch}" cannot be the name of a branch`, {
      hint: 'Write it like `tries/parser`: no spaces, no `..`, no `~^:?*[`.',
      exitCode: 2,
    });
  }
  const { n, agent, reason, head, at } = checkpoint;
  const tree = await ordinaryTree(place, checkpoint);
  const unchanged = head !== null && (await gitText(['rev-parse', `${head}^{tree}`], options)) === tree;
  const message = `checkpoint ${n} of ${agent}: ${reason}\n\nThe files as they were on ${at}.\n`;
  const commit = unchanged
    ? head
    : await gitText(['commit-tree', tree, ...(head === null ? [] : ['-p', head]), '-m', message], {
        ...options,
        env: { ...options.env, ...(await identityEnvironment(gitCommonDir)) },
      });
  try {
    await runGit(
      ['update-ref', '-m', `swarm: checkpoint ${n} of ${agent}`, `refs/heads/${branch}`, commit, ''],
      options,
    );
  } catch (error) {
    if (!isGitError(error, 'ref-changed', 'ref-locked', 'ref-name-taken')) throw error;
    throw new SwarmError('branch-exists', `there is a branch ${branch} already, or one that it would lie below`, {
      hint: 'Choose another name; the branch was not touched.',
      cause: error,
    });
  }
  return { n, branch, commit };
}

/**
 * The tree that an ordinary commit would have. A checkpoint holds files byte for byte; a repository may commit other
 * bytes (line endings, clean filters such as those of LFS). Where it does, the files are written to a scratch directory
 * and added as git itself would.
 */
async function ordinaryTree(place: CheckpointPlace, { tree, head }: Checkpoint): Promise<string> {
  if (!(await converts(place, tree))) return tree;
  const parent = path.dirname(place.shadowGit);
  await mkdir(parent, { recursive: true });
  const scratch = await mkdtemp(path.join(parent, 'branch-'));
  try {
    const files = path.join(scratch, 'files');
    await mkdir(files);
    const exact = shadowEnvironment({ ...place, worktree: files }, path.join(scratch, 'exact.index'));
    await runGit(['read-tree', '-u', '--reset', tree], { cwd: files, env: exact });
    const own = {
      GIT_DIR: place.gitCommonDir,
      GIT_WORK_TREE: files,
      GIT_INDEX_FILE: path.join(scratch, 'own.index'),
    };
    if (head !== null) await runGit(['read-tree', head], { cwd: files, env: own });
    await runGit(['-c', 'advice.addEmbeddedRepo=false', '-c', 'core.safecrlf=false', 'add', '-A', '-f', '--sparse'], {
      cwd: files,
      env: own,
    });
    await addRepositories({ cwd: files, env: own }, tree);
    return await gitText(['write-tree'], { cwd: files, env: own });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A repository inside leaves only an empty directory, which `add` passes over. */
async function addRepositories(options: { cwd: string; env: Record<string, string> }, tree: string): Promise<void> {
  const { stdout } = await runGit(['ls-tree', '-r', '-z', '--full-tree', tree], options);
  const repositories = splitNul(stdout).filter((record) => record.startsWith('160000 '));
  if (repositories.length > 0)
    await runGit(['update-index', '-z', '--index-info'], { ...options, input: joinNul(repositories) });
}

async function converts({ gitCommonDir }: CheckpointPlace, tree: string): Promise<boolean> {
  const options = { cwd: gitCommonDir, env: { GIT_DIR: gitCommonDir } };
  const [attributes, settings] = await Promise.all([
    runGit(['ls-tree', '-r', '-z', '--name-only', tree], options),
    runGit(['config', '--get-regexp', '^core\\.(autocrlf|attributesfile)$'], { ...options, okCodes: [1] }),
  ]);
  const files = [path.join(gitCommonDir, 'info', 'attributes'), inConfigHome('attributes'), '/etc/gitattributes'];
  return (
    /(^|\/|\0)\.gitattributes\0/.test(attributes.stdout.toString('latin1')) ||
    settings.stdout.length > 0 ||
    files.some((file) => existsSync(file))
  );
}
