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
