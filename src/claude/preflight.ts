export type GateKind = 'missing' | 'too-old' | 'login' | 'api-key' | 'trust' | 'onboarding';

export interface Gate {
  kind: GateKind;
  message: string;
  /** What the person should do: one sentence. */
  cure: string;
  /** False where swarm gets past it by itself (onboarding), or with the person's yes (trust). */
  blocking: boolean;
}

export interface Inspection {
  version: string | null;
  path: string | null;
  gates: Gate[];
}

export interface InspectOptions {
  command: string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Root of the main worktree of the repository. */
  root: string;
  signal: AbortSignal;
  /** File that keeps the version of a program by path, mtime and size, to save a process start. */
  cacheFile?: string | undefined;
}

export declare function inspectClaude(options: InspectOptions): Promise<Inspection>;
