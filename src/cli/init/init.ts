import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CONFIG_FILE, parseConfig } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import { readHead, readSymbolicRef } from '../../git/repository/repository.ts';
import { commitOf, resolveAll } from '../../git/repository/resolve.ts';
import { untrackedBelow } from '../../git/repository/untracked.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import type { Context } from '../project/context.ts';
import { detect, type Detected } from './detect.ts';
import type { RepositoryFiles } from './types.ts';
import { askPerson, defaultAnswers } from './questions.ts';
import { configText } from './template.ts';
import { needsText } from './worktree.ts';
import { openProject } from '../project/project.ts';

export async function init(context: Context, options: { yes?: boolean; force?: boolean }): Promise<void> {
  const { output } = context;
  const { root } = (await openProject(context)).layout;
  const file = path.join(root, CONFIG_FILE);
  const replaces = existsSync(file);
  if (replaces && options.force !== true) throw exists(file);
  const detected = detect(repositoryFiles(root, await untrackedAtTop(root)));
  for (const line of detectedLines(detected)) output.note(line);
  const defaults = defaultAnswers(detected, await baseBranch(root));
  const asks = context.interactive && options.yes !== true;
  const answers = asks ? await askPerson(context, defaults) : defaults;
  const text = configText(answers);
  // The written file must be readable: an answer may hold any text.
  parseConfig(text, file);
  await write(file, text, options.force === true);
  output.document({ file, replaced: replaces, detected, config: answers });
  output.line(`${replaces ? 'replaced' : 'wrote'} ${file}`);
  for (const { name, argv } of answers.verify) output.line(`  verify ${name}: ${argv.join(' ')}`);
  const needs = needsText(answers.worktree);
  if (needs !== '') output.line(`  worktrees: ${needs}`);
  output.note(`Look it over, commit it, then: ${output.command} up`);
}

function detectedLines({ tools, ci }: Detected): string[] {
  if (tools.length === 0 && ci === null)
    return ['found no tools that swarm knows: nothing will check the work of tasks until `verify` names a command'];
  return [`found: ${[...tools, ...(ci === null ? [] : [ci])].join(', ')}`];
}

async function untrackedAtTop(root: string): Promise<string[]> {
  const [top, ofClaude] = await Promise.all([untrackedBelow(root, ['*']), untrackedBelow(root, ['.claude/*'], 2)]);
  return [...top, ...ofClaude];
}

function repositoryFiles(root: string, untracked: string[]): RepositoryFiles {
  return {
    untracked,
    has: (name) => existsSync(path.join(root, name)),
    read: (name) => (existsSync(path.join(root, name)) ? readFileSync(path.join(root, name), 'utf8') : null),
    list: (directory) => (existsSync(path.join(root, directory)) ? readdirSync(path.join(root, directory)) : []),
  };
}

/** The remote's default branch, else the checked-out one; null with a detached HEAD. */
async function baseBranch(root: string): Promise<string | null> {
  const remote = await readSymbolicRef(root, 'refs/remotes/origin/HEAD', 'refs/remotes/origin/');
  // A clone may know the remote's branch without having one of its own.
  if (remote !== null && (await resolveAll(root, [commitOf(`refs/heads/${remote}`)]))[0] != null) return remote;
  return (await readHead(root)).branch;
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  if (force) {
    await writeFileAtomic(file, text, { mode: 0o644 });
    return;
  }
  await writeFile(file, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST'
      ? exists(file)
      : new SwarmError('cannot-write', `${file} cannot be written: ${error.message}`, { cause: error });
  });
}

function exists(file: string): SwarmError {
  return new SwarmError('config-exists', `${file} is there already`, {
    hint: 'Edit it, or replace it with `swarm init --force`.',
    exitCode: 2,
  });
}
