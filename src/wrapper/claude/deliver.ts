import type { Logger } from 'pino';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { Conversation } from './conversation.ts';
import type { Mailbox } from './mailbox.ts';
import { retryPrompt } from '../task/prompt.ts';

export interface Delivery {
  mailbox: Mailbox;
  conversation: Conversation;
  mark: string;
  signal: AbortSignal;
  event<N extends WrapperEventName>(name: N, data: EventMap[N]): void;
  log: Logger;
}

/**
 * Delivers the waiting messages, each as one turn of the conversation in hand. They go on waiting where the agent
 * cannot be started.
 */
export async function deliverAll({ mailbox, conversation, mark, signal, event, log }: Delivery): Promise<void> {
  for (let message = mailbox.take(); message !== null; message = mailbox.take()) {
    const { id, text } = message;
    const result = await conversation.turn({
      prompt: text,
      session: 'continue',
      mark,
      signal,
      interrupted: (why) => `You were interrupted (${why}). Go on with what you were asked last.`,
      handoff: () => text,
      retry: () => retryPrompt(null),
      delivered: () => event('message.delivered', { id }),
    });
    if (result.kind === 'cannot-start') {
      mailbox.putBack(message);
      return;
    }
    if (result.kind !== 'ended') {
      log.warn({ id, result }, "a person's message was not worked off");
      event('message.failed', { id, how: result.kind, ...('error' in result ? { error: result.error } : {}) });
    }
  }
}
