import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HAS_REFTABLE } from '../../../support/git-repository.ts';
import type { Formats } from '../../../support/git-repository.ts';
import type { World } from '../world.ts';
import { installLfs, lfsProgram } from './lfs.ts';

export const CASES_OF_A_WORLD = 8;
const MANY_DIRECTORIES = 1_000;
const FILES_OF_EACH = 100;

/** One world in a thousand seeds: the first one of every run. */
export const hasManyFiles = (seed: number): boolean => seed % 1_000 === 0;

export function startFiles(): Record<string, string> {
  return {
    '.gitignore': 'ignored/\n',
    '.gitattributes': '* text=auto\n*.crlf text eol=crlf\n*.up filter=up\n*.lfs filter=lfs -text\n*.bin binary\n',
    'readme.txt': 'hello\n',
    'dir/a.txt': 'a\n',
    'dir/deep/b.txt': 'b\n',
    'tool.sh': '#!/bin/sh\n',
    'conflict.txt': 'base\n',
  };
}

/** Every fifth world each has reftables, SHA-256, or both, as far as this git has them. */
export function formatsOf(seed: number): Formats {
  const reftable: Formats = HAS_REFTABLE ? { refs: 'reftable' } : {};
  const sha256: Formats = { objects: 'sha256' };
  return [{}, reftable, sha256, { ...reftable, ...sha256 }, {}][seed % 5] ?? {};
}

const nameOf = ({ refs, objects }: Formats): string[] => {
  const names = [...(refs === 'reftable' ? ['reftables'] : []), ...(objects === 'sha256' ? ['SHA-256'] : [])];
  return names.length === 0 ? [] : [names.join(' and ')];
};
/** The rows of the table for them. */
export const FORMAT_ROWS = [...new Set([1, 2, 3].map(formatsOf).flatMap(nameOf))];

/** Prepares the fixed part of a world; returns the names of the features that it has. */
export function prepare(world: World, seed: number): string[] {
  const { repository, git } = world;
  const lfs = lfsProgram(repository);
  installLfs(repository);
  for (const [key, value] of [
    ['filter.up.clean', 'tr A-Z a-z'],
    ['filter.up.smudge', 'tr a-z A-Z'],
    ['filter.lfs.clean', `${lfs} clean`],
    ['filter.lfs.smudge', `${lfs} smudge`],
    ['filter.lfs.required', 'true'],
  ] as const)
    git('config', key, value);
  const settings = nameOf(formatsOf(seed));
  if (seed % 3 === 1) {
    git('config', 'core.autocrlf', 'true');
    settings.push('core.autocrlf');
  }
  if (seed % 4 === 2) {
    git('sparse-checkout', 'set', 'dir');
    settings.push('sparse checkout');
  }
  if (seed % 2 === 1) addSubmodule(world);
  if (hasManyFiles(seed)) {
    writeMany(world);
    settings.push('100,000 files');
  }
  return settings;
}

function addSubmodule({ repository, git }: World): void {
  const library = path.join(repository.home, 'library');
  const format = git('rev-parse', '--show-object-format');
  repository.git(['init', '-q', `--object-format=${format}`, library], repository.home);
  repository.git(['config', 'user.name', 'n'], library);
  repository.git(['config', 'user.email', 'n@x'], library);
  repository.commit({ 'lib.txt': 'lib\n' }, 'lib', library);
  git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'library');
}

/** Writes many files, five thousand of them tracked. Most are empty, which takes no memory. */
function writeMany({ worktree, git }: World): void {
  for (let directory = 0; directory < MANY_DIRECTORIES; directory += 1) {
    const place = path.join(worktree, 'many', String(directory));
    mkdirSync(place, { recursive: true });
    for (let at = 0; at < FILES_OF_EACH; at += 1)
      writeFileSync(path.join(place, `${at}.txt`), at === 0 ? `${directory}\n` : '');
  }
  git('add', '--sparse', 'many/[1-5]?/*');
}
