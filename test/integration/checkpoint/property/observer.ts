import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { World } from '../world.ts';

/** What a checkpoint promises not to touch: ignored files, repositories inside, files above the limit. */
export const UNTOUCHED = /^(ignored|nested|huge)/;

export interface Observed {
  /** Everything in the worktree that a rollback brings back, one line each: type, mode, bytes. */
  files: string[];
  /** The rest. */
  untouched: string[];
  index: string;
  /** HEAD and branch too. */
  status: string;
  operation: string[];
}

const OPERATION = ['MERGE_HEAD', 'MERGE_MSG', 'MERGE_MODE', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'REBASE_HEAD'];
const OPERATION_DIRECTORIES = ['rebase-merge', 'rebase-apply', 'sequencer'];
const HASHED_BYTES = 4_000_000;

/** Knows nothing of swarm: bytes, modes and links from the file system, the rest from git itself. */
export function observe(world: World): Observed {
  const { repository, worktree } = world;
  const git = (...args: string[]): string => repository.tryGit(args, worktree).output;
  const lines = walkBytes(worktree);
  const gitDir = path.join(repository.gitCommonDir, 'worktrees', path.basename(worktree));
  const operation = OPERATION.flatMap((name) =>
    existsSync(path.join(gitDir, name)) ? [`${name} ${readFileSync(path.join(gitDir, name), 'latin1')}`] : [],
  );
  for (const name of OPERATION_DIRECTORIES)
    if (existsSync(path.join(gitDir, name)))
      operation.push(...walkBytes(path.join(gitDir, name)).map((line) => `${name}/${line}`));
  const status = git('--no-optional-locks', 'status', '--porcelain=v2', '--branch', '-uall')
    .split('\n')
    .filter((line) => !/^\? "?(nested|huge)/.test(line));
  return {
    files: lines.filter((line) => !UNTOUCHED.test(line)),
    untouched: lines.filter((line) => UNTOUCHED.test(line)),
    index: git('ls-files', '-s', '-v'),
    status: status.join('\n'),
    operation,
  };
}

function walkBytes(root: string): string[] {
  const lines: string[] = [];
  const visit = (directory: Buffer, prefix: string): void => {
    for (const entry of readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const name = prefix + entry.toString('latin1');
      if (name === '.git') continue;
      const full = Buffer.concat([directory, Buffer.from('/'), entry]);
      const stat = lstatSync(full);
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink()) lines.push(`${name} link ${readlinkSync(full, { encoding: 'latin1' })}`);
      else if (stat.isDirectory()) {
        lines.push(`${name} directory ${mode}`);
        // The inside of a repository is its own; that it is still there is what counts.
        if (!name.startsWith('nested')) visit(full, `${name}/`);
      } else lines.push(`${name} file ${mode} ${stat.size} ${stat.size > HASHED_BYTES ? '' : digest(full)}`);
    }
  };
  visit(Buffer.from(root), '');
  return lines;
}

function digest(file: Buffer): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
}
