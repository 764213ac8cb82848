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
 * Whether git may store other bytes of these files than those on disk: by line endings or by an attribute (`text`,
 * `filter`, `ident`, an encoding). True where any attribute may apply to one of them; only git reads what the
 * attributes say.
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
  // Git reads the attributes of a directory that is not on disk from the index.
  if (general.some((file) => existsSync(file)) || index.bytes.includes(ATTRIBUTES)) return true;
  return ['', ...parentsOf(files)].some((directory) => {
    const file = directory === '' ? ATTRIBUTES : `${directory}/${ATTRIBUTES}`;
    return statOrNull(place.worktree, file) !== null;
  });
}
