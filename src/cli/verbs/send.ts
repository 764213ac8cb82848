import { Argument, Option } from 'commander';
import type { SwarmClient } from '../../api/client.ts';
import type { MessageDocument } from '../../api/messages/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { parseDuration } from '../../lib/duration.ts';
import type { Context } from '../project/context.ts';
import { openProject } from '../project/project.ts';
import { readAll } from '../project/stdin.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'send a message to an agent: the next turn of its conversation',
  arguments: [new Argument('<agent>'), new Argument('<text...>', 'the message; - reads it from stdin')],
  options: [
    new Option('--wait', 'until it is delivered: exit code 0 delivered, 1 refused, 3 timed out'),
    new Option('--timeout <duration>', 'wait so long at most'),
  ],
  run: send,
};

interface SendOptions {
  /** Wait until the message has its receipt. */
  wait?: boolean;
  timeout?: string;
}

const RECEIPT_LOOK_MS = 200;

async function send(context: Context, agent: string, words: string[], options: SendOptions = {}): Promise<void> {
  const text = words.length === 1 && words[0] === '-' ? await readAll(context.stdin) : words.join(' ');
  if (text.trim() === '')
    throw new SwarmError('usage', 'the message is empty', { hint: 'Write it after the agent.', exitCode: 2 });
  const { client } = await openProject(context);
  const limitMs = options.timeout === undefined ? null : parseDuration(options.timeout);
  const { id, receipt } = await client.messages.send({ id: agent, text });
  if (options.wait !== true && limitMs === null) {
    context.output.document({ id, receipt });
    context.output.line(`${agent}: message ${receipt} (${id})`);
    return;
  }
  const message = await receiptOf(context, client, id, limitMs);
  context.output.document(message);
  context.output.line(`${agent}: message ${message.receipt} (${id})`);
}

/**
 * Waits for a receipt.
 * @throws SwarmError `message-refused`; `timed-out` (exit code 3): the message still waits, and will be delivered
 */
async function receiptOf(
  context: Context,
  client: Pick<SwarmClient, 'messages'>,
  id: string,
  limitMs: number | null,
): Promise<MessageDocument> {
  const { signal } = context.interrupt;
  const deadline = limitMs === null ? Number.POSITIVE_INFINITY : performance.now() + limitMs;
  for (;;) {
    const message = await client.messages.show({ id });
    if (message.receipt === 'refused') {
      throw new SwarmError('message-refused', `${message.agent} did not take the message: ${message.reason ?? ''}`, {
        hint: `See \`swarm status\`, then send it again.`,
      });
    }
    if (message.receipt !== 'queued') return message;
    if (performance.now() >= deadline) {
      throw new SwarmError('timed-out', `the message to ${message.agent} still waits (${id})`, {
        hint: 'It is kept until the agent is free; `swarm events --follow` tells when it was delivered.',
        exitCode: 3,
      });
    }
    await sleep(systemClock, RECEIPT_LOOK_MS, signal);
  }
}
