// Removes old builds that no living process was started from.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

const BUILD_ID = /^[0-9a-f]{12}$/;
/** Scratch directories of a build that was killed; a living one is younger. */
const ABANDONED = /^\.[0-9a-f]{12}\.\d+$|^(current|\.npmignore)\.\d+$/;
const ABANDONED_AFTER_MS = 10 * 60_000;

/** Command lines of all processes, or null where they cannot be read. */
function commandLines() {
  if (process.platform !== 'linux') {
    try {
      return execFileSync('ps', ['-axww', '-o', 'command='], { encoding: 'utf8' }).split('\n');
    } catch {
      return null; // Without knowing who lives, nothing is removed.
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // It has ended meanwhile.
      }
    });
}

function older(dist, name, ms) {
  try {
    return Date.now() - statSync(path.join(dist, name)).mtimeMs > ms;
  } catch {
    return false; // Another build has removed it.
  }
}

/** Keeps the current build, the newest others up to `keep` in all, and every build named in a living command line. */
export async function pruneBuilds({ dist, current, keep }) {
  const names = readdirSync(dist);
  const byAge = names
    .filter((name) => BUILD_ID.test(name) && name !== current)
    .map((name) => ({ name, at: statSync(path.join(dist, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at)
    .slice(keep - 1);
  const abandoned = names.filter((name) => ABANDONED.test(name) && older(dist, name, ABANDONED_AFTER_MS));
  const living = byAge.length > 0 ? commandLines() : [];
  // A process begun through bin/swarm.cjs does not name its build: then all of them may be in use.
  const unknown = living === null || living.some((line) => line.includes('swarm.cjs'));
  const unused = unknown ? [] : byAge.filter(({ name }) => !living.some((line) => line.includes(`/${name}/`)));
  for (const name of [...abandoned, ...unused.map((build) => build.name)]) {
    await rm(path.join(dist, name), { recursive: true, force: true });
  }
}
