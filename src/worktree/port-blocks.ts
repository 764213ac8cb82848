import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../lib/atomic-file.ts';

/** Where the settings name no ports. */
export const DEFAULT_PORTS = { base: 20_000, size: 20 } as const;
/** Above it Linux itself gives out ports. */
const LAST_PORT = 32_767;

const claimSchema = z.object({
  start: z.number().int(),
  size: z.number().int(),
  /** Hash of the project and id of the agent. */
  project: z.string(),
  agent: z.string(),
  /** The project's checkout: a claim of a missing one is void. */
  root: z.string(),
});
type Claim = z.infer<typeof claimSchema>;

export interface PortsWanted {
  /** Shared by all projects of this user. */
  directory: string;
  project: string;
  agent: string;
  root: string;
  base: number;
  size: number;
}

/**
 * The first port of the agent's block: the same one as long as the settings stay, disjoint from those of all other
 * agents of this user, in whatever project. Null when no block is free.
 *
 * A claim is a file that is made by its name, so that only one agent can make it. Two claims of different sizes that
 * overlap and were made at the same moment see each other, and both agents look further.
 */
export async function claimPorts(wanted: PortsWanted): Promise<number | null> {
  const { directory, project, agent, base, size } = wanted;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const claims = readClaims(directory);
  const known = claims.filter((claim) => claim.project === project && claim.agent === agent);
  const kept = known.find((claim) => claim.size === size && claim.start >= base);
  for (const claim of known) if (claim !== kept) await rm(fileOf(directory, claim.start), { force: true });
  if (kept !== undefined) return kept.start;
  const last = Math.max(LAST_PORT, base + size - 1);
  // Only spares attempts, of which there would be far too many: whether a block is free shows when it is claimed.
  const taken = claims.filter((claim) => !known.includes(claim) && existsSync(claim.root));
  for (let start = base; start + size - 1 <= last; start += size) {
    if (taken.some((claim) => overlap(claim, { start, size }))) continue;
    if (await claimBlock(wanted, start)) return start;
  }
  return null;
}

async function claimBlock({ directory, project, agent, root, size }: PortsWanted, start: number): Promise<boolean> {
  const mine: Claim = { start, size, project, agent, root };
  if (await isTaken(directory, mine)) return false;
  try {
    await writeFile(fileOf(directory, start), JSON.stringify(mine), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  if (!(await isTaken(directory, mine))) return true;
  await rm(fileOf(directory, start), { force: true });
  return false;
}

async function isTaken(directory: string, mine: Claim): Promise<boolean> {
  for (const claim of readClaims(directory)) {
    if (!overlap(claim, mine) || (claim.project === mine.project && claim.agent === mine.agent)) continue;
    if (existsSync(claim.root)) return true;
    await rm(fileOf(directory, claim.start), { force: true });
  }
  return false;
}

export function overlap(a: Pick<Claim, 'start' | 'size'>, b: Pick<Claim, 'start' | 'size'>): boolean {
  return a.start < b.start + b.size && b.start < a.start + a.size;
}

/** Releases the ports of a project that is forgotten. */
export async function releasePorts(directory: string, project: string): Promise<void> {
  for (const claim of readClaims(directory))
    if (claim.project === project) await rm(fileOf(directory, claim.start), { force: true });
}

/** Keeps the ports of a project whose folder was renamed: its hash and its root are others now. */
export async function moveClaims(
  directory: string,
  from: string,
  { project, root }: Pick<Claim, 'project' | 'root'>,
): Promise<void> {
  for (const claim of readClaims(directory)) {
    if (claim.project !== from) continue;
    await writeFileAtomic(fileOf(directory, claim.start), JSON.stringify({ ...claim, project, root }));
  }
}

function readClaims(directory: string): Claim[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => readClaim(path.join(directory, name)) ?? []);
}

function readClaim(file: string): Claim | null {
  try {
    return claimSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    // Given up meanwhile, or just being written: its writer looks for overlaps afterwards.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}

function fileOf(directory: string, start: number): string {
  return path.join(directory, String(start));
}
