import { readdirSync } from 'node:fs';
import path from 'node:path';
import { runGit } from '../../git/git.ts';
import { refPrefix } from './checkpoint-commit.ts';
import { readRefs } from './refs.ts';
import type { CheckpointPlace } from '../tree/types.ts';

type Owner = Pick<CheckpointPlace, 'gitCommonDir' | 'agent'>;

/**
 * Prefix of the refs that mark dropped numbers. A number means one checkpoint for ever, in people's notes as well as in
 * the history of an agent: dropping the newest checkpoint therefore leaves a ref of its number, to an empty blob.
 */
function droppedPrefix(agent: string): string {
  return `refs/swarm/dropped/${agent}/`;
}

/** The highest number that was ever dropped as the newest; 0 where there is none. One process. */
export async function highestDropped({ gitCommonDir, agent }: Owner): Promise<number> {
  return Math.max(0, ...(await droppedNumbers(gitCommonDir, agent)));
}

async function droppedNumbers(gitCommonDir: string, agent: string): Promise<number[]> {
  const prefix = droppedPrefix(agent);
  const names = (await readRefs(gitCommonDir, '%(refname)', [prefix])).split('\n');
  return names.map((name) => Number(name.slice(prefix.length))).filter((n) => n > 0);
}

/** Commands that mark dropped `numbers`, for the transaction that drops them; none where a higher number stays. */
export async function marksOf({ gitCommonDir, agent }: Owner, numbers: readonly number[]): Promise<string[]> {
  const prefix = refPrefix(agent);
  const names = (await readRefs(gitCommonDir, '%(refname)', [prefix])).split('\n');
  const before = await droppedNumbers(gitCommonDir, agent);
  const highest = Math.max(0, ...numbers);
  const stays = [...names.map((name) => Number(name.slice(prefix.length))), ...before];
  if (stays.some((n) => n > highest)) return [];
  const { stdout } = await runGit(['hash-object', '-w', '--stdin'], {
    cwd: gitCommonDir,
    env: { GIT_DIR: gitCommonDir },
    input: '',
  });
  const blob = stdout.toString('latin1').trim();
  return [
    ...before.map((n) => `delete ${droppedPrefix(agent)}${n}`),
    `create ${droppedPrefix(agent)}${highest} ${blob}`,
  ];
}

/** Commands that undo those of `marksOf`. All marks are refs to the same blob. Pure. */
export function unmarked(commands: readonly string[]): string[] {
  const blob = commands.find((command) => command.startsWith('create '))?.split(' ')[2];
  return commands.map((command) =>
    command.startsWith('create ')
      ? command.replace('create ', 'delete ')
      : `${command.replace('delete ', 'create ')} ${blob}`,
  );
}

/**
 * Largest number of a checkpoint whose ref is a file of its own. Null means that git must be asked, because refs may be
 * packed, or a higher number was dropped.
 */
export function newestLooseNumber({ gitCommonDir, agent }: Owner): number | null {
  const newest = Math.max(0, ...numbersIn(path.join(gitCommonDir, refPrefix(agent))));
  const dropped = Math.max(0, ...numbersIn(path.join(gitCommonDir, droppedPrefix(agent))));
  return newest > dropped ? newest : null;
}

function numbersIn(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
