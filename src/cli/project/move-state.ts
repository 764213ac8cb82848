import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { linkShadow } from '../../checkpoint/tree/shadow.ts';
import { safeName, type ProjectLayout } from '../../domain/layout.ts';
import { mendWorktrees } from '../../git/worktree/mend-worktrees.ts';
import { identifyMoved, type Moved } from '../../store/place/belonging.ts';
import { readRecord, writeRecord, type ProjectRecord } from '../../store/place/project-record.ts';
import { moveClaims } from '../../worktree/port-blocks.ts';

/**
 * Gives the state of a repository whose folder was renamed the place and the name by which it is found from here, and
 * mends all that holds the earlier place. For the holder of its lock alone; its new place must be free.
 *
 * The order is what makes it safe to be killed and repeated: the state is found by its id and its earlier place until
 * the rest is mended, then by its present place, and the last step gives it its name.
 */
export async function moveState(found: Moved, layout: ProjectLayout): Promise<void> {
  const { gitCommonDir, root, hash, name } = layout;
  const earlier = earlierPlaces(found);
  await identifyMoved(found, gitCommonDir, earlier);
  const roots = (place: string): string => path.resolve(root, path.relative(earlier.root, place));
  const places = await mendWorktrees({
    gitCommonDir,
    elsewhere: (place) => [roots(place), path.join(layout.worktreesDir, path.basename(place))],
  });
  const isUsed = (directory: string): boolean => places.some((place) => path.dirname(place) === directory);
  const present = [earlier.worktreesDir, roots(earlier.worktreesDir)].find(isUsed) ?? layout.worktreesDir;
  await linkShadow({ shadowGit: path.join(found.stateDir, 'shadow.git'), gitCommonDir });
  if (found.hash !== null) {
    await moveClaims(layout.portsDir, found.hash, { project: hash, root });
    movePurged(found.hash, layout);
  }
  const id = readRecord(path.join(found.stateDir, 'project.json'))?.id ?? null;
  const record = { name, gitCommonDir, root, worktreesDir: present };
  await writeRecord({ ...record, recordFile: path.join(found.stateDir, 'project.json') }, id);
  renameSync(found.stateDir, layout.stateDir);
}

/** Without a record it is of 0.1.0, whose worktrees lay beside the checkout unless swarm.yaml said otherwise. */
function earlierPlaces({ stateDir, was }: Moved): Omit<ProjectRecord, 'id' | 'gitCommonDir'> {
  const record = readRecord(path.join(stateDir, 'project.json'));
  if (record !== null) return record;
  const root = path.dirname(was);
  return { name: safeName(root), root, worktreesDir: `${root}.swarm` };
}

/** What a purge forgot before can be taken back from here too. */
function movePurged(from: string, { purgedFile }: ProjectLayout): void {
  const earlier = path.join(path.dirname(purgedFile), `${from}.json`);
  if (existsSync(earlier) && !existsSync(purgedFile)) renameSync(earlier, purgedFile);
}
