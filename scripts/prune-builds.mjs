// Removes old builds from which no living process was started.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

const BUILD_ID = /^[0-9a-f]{12}$/;
/** Scratch directories of a killed build; those of a running one are younger. */
const ABANDONED = /^\.[0-9a-f]{12}\.\d+$|^(current|\.npmignore)\.\d+$/;
const ABANDONED_AFTER_MS = 10 * 60_000;

/** The arguments of every process, or null where they cannot be read. */
function commandLines() {
  if (process.platform !== 'linux') {
    try {
      const lines = execFileSync('ps', ['-axww', '-o', 'command='], { encoding: 'utf8' }).split('\n');
      return lines.map((line) => line.split(' '));
    } catch {
      return null; // Without the list of processes, no build is removed.
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}

/**
 * Whether a process was started through bin/swarm.cjs of this checkout, by whatever link: it does not name the build
 * that it runs.
 */
function isOurLauncher(args, launcher) {
  return args.some((arg) => {
    if (!/(^|\/)swarm(\.cjs)?$/.test(arg) || !path.isAbsolute(arg)) return false;
    try {
      return realpathSync(arg) === launcher;
    } catch {
      return false; // No such file: an argument of another program.
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
  const launcher = path.join(realpathSync(dist), '..', 'bin', 'swarm.cjs');
  const unknown = living === null || living.some((args) => isOurLauncher(args, launcher));
  const used = ({ name }) => living.some((args) => args.some((arg) => arg.includes(`/${name}/`)));
  const unused = unknown ? [] : byAge.filter((build) => !used(build));
  for (const name of [...abandoned, ...unused.map((build) => build.name)]) {
    await rm(path.join(dist, name), { recursive: true, force: true });
  }
}
