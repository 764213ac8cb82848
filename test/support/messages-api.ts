/** The scripted Messages API, for tests. Turns are the agent's work; side requests are Claude Code's own. */
import { startMessagesApi } from '../../src/demo/api.ts';
import type { MessagesApi, RecordedRequest } from '../../src/demo/api.ts';
import type { ScriptInput } from '../../src/demo/script.ts';

export { startMessagesApi };
export type { MessagesApi, RecordedRequest, ScriptInput };

/** Requests in which an agent worked, of one session where it is given. */
export function turnsOf(api: MessagesApi, session?: string): RecordedRequest[] {
  return api
    .requests()
    .filter((request) => request.kind === 'turn' && (session === undefined || request.session === session));
}
