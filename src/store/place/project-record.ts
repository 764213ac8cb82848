import { readFileSync } from 'node:fs';
import type { ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';

/** What a state directory says of its project. Its own name is a hash, which tells a person nothing. */
export interface ProjectRecord {
  /** The same as in the repository; null: of a version that gave none. */
  id: string | null;
  name: string;
  gitCommonDir: string;
  root: string;
  /** Where agents' worktrees lie as long as the settings do not say. */
  worktreesDir: string;
}

/** Null: none, as of versions that wrote none, or not one of swarm's. */
export function readRecord(file: string): ProjectRecord | null {
  try {
    const read = JSON.parse(readFileSync(file, 'utf8')) as Record<keyof ProjectRecord, unknown> | null;
    const { id, name, gitCommonDir, root, worktreesDir } = read ?? {};
    const isWhole = [name, gitCommonDir, root, worktreesDir].every((value) => typeof value === 'string');
    if (!isWhole) return null;
    return { id: typeof id === 'string' ? id : null, name, gitCommonDir, root, worktreesDir } as ProjectRecord;
  } catch {
    return null;
  }
}

/** For the holder of the supervisor's lock alone, before its settings are known. */
export async function writeRecord(
  { recordFile, ...layout }: Omit<ProjectRecord, 'id'> & Pick<ProjectLayout, 'recordFile'>,
  id: string | null,
): Promise<void> {
  const { name, gitCommonDir, root, worktreesDir } = layout;
  const record: ProjectRecord = { id, name, gitCommonDir, root, worktreesDir };
  await writeFileAtomic(recordFile, JSON.stringify(record));
}
