import type { Usage } from '../domain/agent.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where Claude Code keeps the conversation: pure, the file need not exist. */
export declare function transcriptPath(env: Env, cwd: string, sessionId: string): string;

export interface TranscriptTail {
  /** Pass to the next `readTail`: the end of the last whole line. */
  offset: number;
  /** Complete lines that are JSON objects, in order. */
  lines: Record<string, unknown>[];
  /** Tokens by message id (costUsd is 0: the transcript knows no price). The last value of an id is the right one. */
  usage: Map<string, { usage: Usage; model: string }>;
}

/** Reads whole lines from `offset` on; a file that became shorter is read from its start. Absent file: empty tail. */
export declare function readTail(path: string, offset: number): Promise<TranscriptTail>;
/** uuid of the last conversation line; null when there is none. */
export declare function lastUuid(path: string): Promise<string | null>;
/** A session can be resumed only when its transcript exists and holds at least one message. */
export declare function sessionExists(env: Env, cwd: string, sessionId: string): Promise<boolean>;
