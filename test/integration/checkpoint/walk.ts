import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { TestRepository } from '../../support/git-repository.ts';

/** Everything below `root` as one line each: name in bytes, type, mode, contents. Uses neither git nor swarm. */
export function walk(root: string): string[] {
  const lines: string[] = [];
  const visit = (dir: Buffer): void => {
    for (const entry of readdirSync(dir, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const full = Buffer.concat([dir, Buffer.from('/'), entry]);
      if (dir.equals(Buffer.from(root)) && entry.toString() === '.git') continue;
      const name = full.subarray(Buffer.byteLength(root) + 1).toString('latin1');
      const stat = lstatSync(full);
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink())
        lines.push(`${name} link ${readlinkSync(full, { encoding: 'buffer' }).toString('latin1')}`);
      else if (stat.isDirectory()) {
        lines.push(`${name} dir ${mode}`);
        visit(full);
      } else
        lines.push(
          `${name} file ${mode} ${createHash('sha256').update(readFileSync(full)).digest('hex').slice(0, 16)} ${stat.size}`,
        );
    }
  };
  visit(Buffer.from(root));
  return lines;
}

const OPERATION = [
  'MERGE_HEAD',
  'MERGE_MODE',
  'MERGE_MSG',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'rebase-merge',
  'sequencer',
  'swarm-task',
];

/** Git's facts about a worktree: HEAD, branch, every entry of the index, status, an operation under way. */
export function gitFacts(repository: TestRepository, worktree: string): Record<string, string> {
  const git = (...args: string[]): string => repository.tryGit(args, worktree).output;
  const gitDir = git('rev-parse', '--absolute-git-dir');
  const operation = OPERATION.map((name) => {
    const full = path.join(gitDir, name);
    const stat = lstatSync(full, { throwIfNoEntry: false });
    if (stat === undefined) return '';
    return `${name}: ${stat.isDirectory() ? walk(full).join(' ') : readFileSync(full, 'utf8')}`;
  });
  return {
    head: git('rev-parse', 'HEAD'),
    branch: git('symbolic-ref', '-q', 'HEAD'),
    index: git('ls-files', '-s', '-t', '-v'),
    status: git('--no-optional-locks', 'status', '--porcelain=v2', '--branch', '-uall', '--ignored'),
    operation: operation.join('\n'),
  };
}
