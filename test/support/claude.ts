import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/** The environment variable in which `scripts/test --claude` names the package of another one than the pinned. */
export const OTHER_CLAUDE = 'SWARM_TEST_CLAUDE';

/** Where scripts/setup puts the pinned Claude Code. */
const PINNED = path.resolve(import.meta.dirname, '../e2e/claude');

/**
 * The Claude Code under test, the only one that tests and benchmarks start: the pinned one, if no other was asked for.
 * @throws at once where it is not installed, or another version is, with the cure
 */
export function testedClaude(directory = process.env[OTHER_CLAUDE] ?? PINNED): { program: string; directory: string } {
  const bin = path.join(directory, 'node_modules/.bin');
  const program = path.join(bin, 'claude');
  // The stamp is a copy of the lockfile, written when the installation was complete.
  const stamp = path.join(directory, 'node_modules/.swarm-lock');
  const isComplete = existsSync(stamp) && existsSync(program);
  if (!isComplete || !readFileSync(stamp).equals(readFileSync(path.join(directory, 'package-lock.json')))) {
    const what = isComplete ? 'is of another version than test/e2e/claude names' : 'is not installed';
    throw new Error(`the Claude Code of the tests ${what}: run scripts/setup test`);
  }
  return { program, directory: bin };
}
