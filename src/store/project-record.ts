import { readFileSync } from 'node:fs';
import type { ProjectLayout } from '../domain/layout.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';

/** What a state directory says of its project. Its own name is a hash, which tells a person nothing. */
export interface ProjectRecord {
  name: string;
  gitCommonDir: string;
  root: string;
}

/** Null: none, as of versions that wrote none, or not one of swarm's. */
export function readRecord(file: string): ProjectRecord | null {
  try {
    const { name, gitCommonDir, root } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const whole = typeof name === 'string' && typeof gitCommonDir === 'string' && typeof root === 'string';
    return whole ? { name, gitCommonDir, root } : null;
  } catch {
    return null;
  }
}

/** For the holder of the supervisor's lock alone. */
export async function writeRecord({ recordFile, name, gitCommonDir, root }: ProjectLayout): Promise<void> {
  await writeFileAtomic(recordFile, JSON.stringify({ name, gitCommonDir, root } satisfies ProjectRecord));
}
