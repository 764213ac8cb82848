import { cutTranscript, type Cut } from '../../claude/cut.ts';
import { findTranscript, lastUuid } from '../../claude/transcript.ts';
import type { ConversationPoint } from './rollback-data.ts';

/** The transcripts of Claude Code, found by the person's environment. */
export class Conversations {
  readonly #env: () => Readonly<Record<string, string>>;

  constructor(env: () => Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Path of the transcript; null: there is none, or it has no message. */
  find(worktree: string, sessionId: string): Promise<string | null> {
    return findTranscript(this.#env(), worktree, sessionId);
  }

  /** uuid of its last line; null before the first. */
  async end(worktree: string, sessionId: string | null): Promise<string | null> {
    const file = sessionId === null ? null : await this.find(worktree, sessionId);
    return file === null ? null : await lastUuid(file);
  }

  /** Makes the conversation up to that point one of its own. */
  async cut(worktree: string, { sessionId, uuid }: ConversationPoint, into: string): Promise<Cut> {
    const file = await this.find(worktree, sessionId);
    if (file === null || uuid === null) return { verified: false, why: 'its transcript is gone' };
    return await cutTranscript({ file, uuid, sessionId: into });
  }
}
