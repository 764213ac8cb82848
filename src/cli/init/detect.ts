import { asInCi, ciCommands } from './ci.ts';
import { pythonTools } from './python.ts';
import { phpTools, rubyTools } from './ruby-php.ts';
import type { RepositoryFiles, VerifyCommand } from './types.ts';
import { worktreeNeeds, type WorktreeNeeds } from './worktree.ts';
import { goTools, makeTools, nodeTools, otherTools, rustTools } from './toolchains.ts';

export interface Detected {
  tools: string[];
  /** At most one of each name; a test first, when there is one. */
  verify: VerifyCommand[];
  allow: string[];
  /** The file in which the CI commands were found. */
  ci: string | null;
  /** What worktrees need beside the files that git tracks. */
  worktree: WorktreeNeeds;
}

const TOOLCHAINS = [nodeTools, rustTools, goTools, pythonTools, rubyTools, phpTools, otherTools, makeTools];

/**
 * Detects the verify commands of this repository from its own files: a toolchain's test beats the Makefile's. How CI runs
 * it counts; its other commands are taken where no file has any. Pure but for `files`.
 */
export function detect(files: RepositoryFiles): Detected {
  const found = TOOLCHAINS.flatMap((look) => look(files) ?? []);
  const ci = ciCommands(files);
  const verify: VerifyCommand[] = [];
  for (const command of [...found.flatMap((one) => one.commands), ...ci.commands]) {
    if (verify.some(({ name }) => name === command.name)) continue;
    verify.push(command.name === 'test' ? asInCi(command, files) : command);
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

/** The rule of Claude Code that allows this command, with any further arguments. */
export function allowRule(argv: readonly string[]): string {
  return `Bash(${argv.join(' ')}:*)`;
}
