import { existsSync } from 'node:fs';
import path from 'node:path';
import type { RawPath } from '../../git/bytes.ts';
import type { IndexFile } from '../../git/repository/index-file.ts';
import { statOrNull } from '../../git/repository/on-disk.ts';
import { inConfigHome } from './ignore-rules.ts';
import { parentsOf } from './tree-extras.ts';
import type { CheckpointPlace } from './types.ts';

export interface ConversionConfig {
  /** `true` or `input`. */
  autocrlf: boolean;
  /** `core.attributesFile`; null: git's default. */
  attributesFile: string | null;
}

const ATTRIBUTES = '.gitattributes';

/**
 * Whether git may store something else of these files than the bytes that lie there: by line endings or by an attribute
 * (`text`, `filter`, `ident`, an encoding). True wherever there are any attributes that could count for one of them;
 * what they say is left to git.
 */
export function mayConvert(
  place: CheckpointPlace,
  { autocrlf, attributesFile }: ConversionConfig,
  index: IndexFile,
  files: readonly RawPath[],
): boolean {
  if (files.length === 0) return false;
  if (autocrlf) return true;
  const general = [
    path.join(place.gitCommonDir, 'info', 'attributes'),
    attributesFile ?? inConfigHome('attributes'),
    '/etc/gitattributes',
  ];
  // Where a directory has none, git takes the index's own.
  if (general.some((file) => existsSync(file)) || index.bytes.includes(ATTRIBUTES)) return true;
  return ['', ...parentsOf(files)].some((directory) => {
    const file = directory === '' ? ATTRIBUTES : `${directory}/${ATTRIBUTES}`;
    return statOrNull(place.worktree, file) !== null;
  });
}
