import { ciCommands } from './ci.ts';
import { worktreeNeeds, type WorktreeNeeds } from './worktree.ts';
import { goTools, makeTools, nodeTools, otherTools, pythonTools, rustTools } from './toolchains.ts';

/** A repository's own tools: what is at its root, and a look into it. */
export interface RepositoryFiles {
  has(name: string): boolean;
  /** Null where there is none. */
  read(name: string): string | null;
  /** At the root (and in `.claude`), what git does not track, ignored or not; folders end in `/`. */
  untracked: readonly string[];
  /** Names in a directory below the root; none where there is none. */
  list(directory: string): string[];
}

export interface VerifyCommand {
  /** `test`, `lint`, `build`, … */
  name: string;
  argv: string[];
  /** Which file told. */
  from: string;
}

export interface Toolchain {
  /** For people: `npm`, `cargo`, … */
  tool: string;
  commands: VerifyCommand[];
  /** Further programs that agents may run without asking, as rules of Claude Code. */
  allow: string[];
}

export interface Detected {
  tools: string[];
  /** At most one of each name; a test first, when there is one. */
  verify: VerifyCommand[];
  allow: string[];
  /** The file that says what CI runs. */
  ci: string | null;
  /** What worktrees lack without more. */
  worktree: WorktreeNeeds;
}

const TOOLCHAINS = [nodeTools, rustTools, goTools, pythonTools, otherTools, makeTools];

/**
 * What proves work in this repository, from its own files: a toolchain's test beats the Makefile's, and CI is asked only
 * where nobody else knows. Pure but for `files`.
 */
export function detect(files: RepositoryFiles): Detected {
  const found = TOOLCHAINS.flatMap((look) => look(files) ?? []);
  const ci = ciCommands(files);
  const verify: VerifyCommand[] = [];
  for (const command of [...found.flatMap((one) => one.commands), ...ci.commands]) {
    if (!verify.some(({ name }) => name === command.name)) verify.push(command);
  }
  verify.sort((a, b) => Number(b.name === 'test') - Number(a.name === 'test'));
  // A second toolchain's test proves nothing alone, yet agents may run it.
  const commands = [...verify, ...found.flatMap((one) => one.commands)];
  const allow = [...commands.map(({ argv }) => allowRule(argv)), ...found.flatMap((one) => one.allow)];
  return {
    tools: found.map(({ tool }) => tool),
    verify,
    allow: [...new Set(allow)],
    ci: ci.file,
    worktree: worktreeNeeds(files),
  };
}

/** The rule of Claude Code that lets this command through, with whatever arguments come after it. */
export function allowRule(argv: readonly string[]): string {
  return `Bash(${argv.join(' ')}:*)`;
}
