/** The files of a repository: the names at its root, and their contents. */
export interface RepositoryFiles {
  has(name: string): boolean;
  /** Null where there is none. */
  read(name: string): string | null;
  /** Untracked entries at the root (and in `.claude`), ignored or not; folders end in `/`. */
  untracked: readonly string[];
  /** Names in a directory below the root; none where there is none. */
  list(directory: string): string[];
}

export interface VerifyCommand {
  /** `test`, `lint`, `build`, … */
  name: string;
  argv: string[];
  /** The file in which it was found. */
  from: string;
}

export interface Toolchain {
  /** For people: `npm`, `cargo`, … */
  tool: string;
  commands: VerifyCommand[];
  /** Further programs that agents may run without asking, as rules of Claude Code. */
  allow: string[];
}

/** A command that a new worktree needs once. */
export interface SetupCommand {
  argv: string[];
  /** The file in which it was found. */
  from: string;
}
