import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { repositoryRoot } from './environment.ts';
import { runDirectory } from './run-directory.ts';

/** The released version: the last commit of 0.1.0. */
const VERSION = '0.1.0';
const COMMIT = '3c4254b92d0b3a1c9193ae45998e964236e2e7a6';

/** The parts that its package would hold, and that its programs look for. */
const KEPT = ['bin', 'dist', 'scripts', 'templates', 'tmux.conf', 'package.json'];

export interface Release {
  version: string;
  /** argv with which its `swarm` is started. */
  launcher: [string, ...string[]];
}

/**
 * swarm 0.1.0, made from the history of this checkout with the packages that its own lockfile names, and kept in dist.
 * @throws where the history does not reach back so far, with the cure
 */
export async function releasedSwarm(): Promise<Release> {
  const place = path.join(repositoryRoot, 'dist/released', VERSION);
  if (!existsSync(place)) await makeRelease(place);
  return { version: VERSION, launcher: [process.execPath, path.join(place, 'bin/swarm.cjs')] };
}

async function makeRelease(place: string): Promise<void> {
  await expectHistory();
  const scratch = await mkdtemp(path.join(runDirectory(), 'sw-released-'));
  const half = `${place}.${process.pid}`;
  try {
    await execa('sh', ['-c', 'git -C "$0" archive "$1" | tar -x -C "$2"', repositoryRoot, COMMIT, scratch]);
    await addPackages(scratch);
    await execa(process.execPath, [path.join(scratch, 'scripts/build.mjs'), '--quiet'], { cwd: scratch });
    await mkdir(half, { recursive: true });
    for (const name of KEPT) await cp(path.join(scratch, name), path.join(half, name), { recursive: true });
    // The first of two at once has made it; the other one made the same.
    await rename(half, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    for (const directory of [scratch, half]) await rm(directory, { recursive: true, force: true });
  }
}

async function expectHistory(): Promise<void> {
  const argv = ['-C', repositoryRoot, 'rev-parse', '--quiet', '--verify', `${COMMIT}^{commit}`];
  const { exitCode } = await execa('git', argv, { reject: false });
  if (exitCode === 0) return;
  throw new Error(
    `the history here does not reach back to swarm ${VERSION} (${COMMIT.slice(0, 7)}), from which the test of an upgrade builds it: ` +
      'run `git fetch --unshallow`, or clone the repository whole',
  );
}

/**
 * Adds the packages of this checkout where they are the same, file for file by their hashes; else those of a clean
 * installation.
 */
async function addPackages(scratch: string): Promise<void> {
  const wanted = packagesOf(path.join(scratch, 'package-lock.json'));
  const here = packagesOf(path.join(repositoryRoot, 'package-lock.json'));
  const isSame = Object.entries(wanted).every(
    ([name, { integrity }]) => name === '' || (integrity !== undefined && integrity === here[name]?.integrity),
  );
  if (isSame) {
    await symlink(path.join(repositoryRoot, 'node_modules'), path.join(scratch, 'node_modules'));
    return;
  }
  const scripts = path.join(repositoryRoot, 'scripts');
  const install =
    'root=$1; for part in common packages node; do . "$0/setup.d/$part.bash"; done; scripts=$0; ensure_npm; npm_ci "$1" "$npm_path"';
  await execa('bash', ['-c', install, scripts, scratch]);
}

function packagesOf(lockfile: string): Record<string, { integrity?: string }> {
  return (JSON.parse(readFileSync(lockfile, 'utf8')) as { packages: Record<string, { integrity?: string }> }).packages;
}
