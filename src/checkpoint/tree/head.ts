import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readHead } from '../../git/repository/repository.ts';
import type { Head } from '../../git/repository/repository.ts';

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
}

/** Whether bytes that are not UTF-8 were replaced when the name was read: the result names another branch, or none. */
export function isNotText(branch: string): boolean {
  return branch.includes('\uFFFD');
}

const OID = /^[0-9a-f]{40,64}$/;

/**
 * HEAD read from its files, because a spawn costs 2.5 ms and an idle worktree is asked often; git itself is asked
 * whenever the files do not tell plainly (other ref stores, an unborn branch).
 */
export async function readHeadFast(worktree: string, gitDir: string, gitCommonDir: string): Promise<Head> {
  const head = (await textOf(path.join(gitDir, 'HEAD')))?.trim() ?? '';
  if (OID.test(head)) return { branch: null, commit: head };
  const ref = /^ref: (refs\/heads\/(.+))$/.exec(head);
  if (ref !== null) {
    const [, name = '', branch = ''] = ref;
    const loose = (await textOf(path.join(gitCommonDir, name)))?.trim();
    if (loose !== undefined && OID.test(loose)) return { branch, commit: loose };
    if (loose === undefined) {
      const packed = packedOid((await textOf(path.join(gitCommonDir, 'packed-refs'))) ?? '', name);
      if (packed !== null) return { branch, commit: packed };
    }
  }
  return readHead(worktree);
}

export function packedOid(packedRefs: string, name: string): string | null {
  for (const line of packedRefs.split('\n')) {
    if (line.endsWith(` ${name}`) && OID.test(line.slice(0, -name.length - 1))) return line.slice(0, -name.length - 1);
  }
  return null;
}
