import { cutTranscript, type Cut } from '../../claude/cut.ts';
import { findTranscript, lastUuid } from '../../claude/transcript.ts';
import type { ConversationPoint } from './rollback-data.ts';

/** The transcripts of Claude Code, as the person's environment leads to them. */
export class Conversations {
  readonly #env: () => Readonly<Record<string, string>>;

  constructor(env: () => Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Null: there is none, or nothing was said in it. */
  find(worktree: string, sessionId: string): Promise<string | null> {
    return findTranscript(this.#env(), worktree, sessionId);
  }

  /** Its last line; null before the first. */
  async end(worktree: string, sessionId: string | null): Promise<string | null> {
    const file = sessionId === null ? null : await this.find(worktree, sessionId);
    return file === null ? null : await lastUuid(file);
  }

  /** The conversation up to that point, as one of its own. */
  async cut(worktree: string, { sessionId, uuid }: ConversationPoint, into: string): Promise<Cut> {
    const file = await this.find(worktree, sessionId);
    if (file === null || uuid === null) return { verified: false, why: 'its transcript is gone' };
    return await cutTranscript({ file, uuid, sessionId: into });
  }
}
