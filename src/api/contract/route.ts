/**
 * One address of the API. It knows no schema: the client is made of addresses alone, and zod would cost the cold start
 * of every verb.
 */
export interface Route<Path extends string = string> {
  readonly method: 'GET' | 'POST';
  /** `:n` stands for a whole number above 0, every other `:name` for text. */
  readonly path: Path;
  readonly summary: string;
  /** The call works through a whole worktree before it answers: the client waits longer. */
  readonly slow: boolean;
  /** A second path for the same call. */
  readonly also: string | null;
}

/** The addresses of one noun, each by the name of the method that answers it. */
export type Routes = Readonly<Record<string, Route>>;

interface RouteOptions {
  slow?: boolean;
  also?: string;
}

export function get<const Path extends string>(path: Path, summary: string, options: RouteOptions = {}): Route<Path> {
  return { method: 'GET', path, summary, slow: options.slow ?? false, also: options.also ?? null };
}

export function post<const Path extends string>(path: Path, summary: string, options: RouteOptions = {}): Route<Path> {
  return { method: 'POST', path, summary, slow: options.slow ?? false, also: options.also ?? null };
}
