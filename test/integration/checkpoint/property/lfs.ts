import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestRepository } from '../../../support/git-repository.ts';

/** Stands in for LFS: git keeps a pointer, and without the program no file goes in or out. */
const LFS = `#!/bin/sh
store="$(dirname "$0")/large"
case $1 in
clean)
  mkdir -p "$store" && cat > "$store/$$" || exit 1
  oid=$(sha256sum < "$store/$$" | cut -c 1-64)
  mv "$store/$$" "$store/$oid" && echo "oid $oid" ;;
smudge)
  read -r _ oid && cat "$store/$oid" ;;
esac
`;

export const lfsProgram = ({ home }: TestRepository): string => path.join(home, 'lfs');

export function installLfs(repository: TestRepository): void {
  writeFileSync(lfsProgram(repository), LFS, { mode: 0o755 });
  writeFileSync(`${lfsProgram(repository)}-elsewhere`, LFS, { mode: 0o755 });
}

/** Options with which an observer's git always has the program. */
export const withLfs = (repository: TestRepository): string[] => [
  '-c',
  `filter.lfs.clean=${lfsProgram(repository)}-elsewhere clean`,
];
