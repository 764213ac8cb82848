import type { SwarmClient } from '../../api/client.ts';
import type { MessageDocument, NeedsYou } from '../../api/documents.ts';
import type { AnswerRequest } from '../../api/service.ts';
import { SwarmError } from '../../domain/errors.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { parseDuration } from '../../lib/duration.ts';
import type { Context } from '../project/context.ts';
import { oneLine } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import { readAll } from '../project/stdin.ts';

export async function answer(
  context: Context,
  agent: string,
  words: string[],
  options: { id?: string },
): Promise<void> {
  const { client } = await openProject(context);
  const { needsYou } = await client.status();
  const mine = needsYou.filter((item) => item.agent === agent);
  // An agent that does not exist is told as such, by the side that knows the names.
  if (mine.length === 0) await client.agent(agent);
  const request = answerFor(agent, mine, words, options.id);
  await client.answer(agent, request);
  context.output.document({ agent, ...request });
  context.output.line(`${agent}: ${request.decision === 'text' ? 'answered' : `${request.decision} sent`}`);
}

/**
 * Which of its open questions is meant, and what the words mean to it. Pure.
 * @throws SwarmError `nothing-to-answer`, `which-question`, `bad-answer-kind`
 */
export function answerFor(
  agent: string,
  open: readonly NeedsYou[],
  words: readonly string[],
  id?: string,
): AnswerRequest {
  const item = choose(agent, open, id);
  const [first = '', ...rest] = words;
  const text = words.join(' ');
  switch (item.kind) {
    case 'question':
      return { needsYou: item.id, decision: 'text', text };
    case 'permission': {
      const decision = first.toLowerCase();
      if (decision === 'allow' && rest.length === 0) return { needsYou: item.id, decision };
      const reason = rest.join(' ');
      if (decision === 'deny') return { needsYou: item.id, decision, ...(reason === '' ? {} : { text: reason }) };
      throw new SwarmError('bad-answer-kind', `${agent} asks for permission: ${oneLine(item.text, 100)}`, {
        hint: `Answer with \`swarm answer ${agent} allow\` or \`swarm answer ${agent} deny [REASON]\`.`,
        exitCode: 2,
      });
    }
    case 'trust':
    case 'login':
      throw new SwarmError('bad-answer-kind', `${agent} cannot be answered: ${oneLine(item.text, 200)}`, {
        hint:
          item.kind === 'trust' ? 'Run `swarm up --trust`.' : 'Log in to Claude Code; the agent then starts by itself.',
      });
  }
}

function choose(agent: string, open: readonly NeedsYou[], id: string | undefined): NeedsYou {
  const [first] = open;
  if (first === undefined) {
    throw new SwarmError('nothing-to-answer', `${agent} asks nothing`, {
      hint: `To tell it something: \`swarm send ${agent} TEXT\`.`,
    });
  }
  const ids = open.map((item) => item.id).join(', ');
  if (id !== undefined) {
    const found = open.find((item) => item.id === id);
    if (found !== undefined) return found;
    throw new SwarmError('which-question', `${agent} has no open question ${id}`, {
      hint: `Open: ${ids}.`,
      exitCode: 2,
    });
  }
  if (open.length === 1) return first;
  throw new SwarmError('which-question', `${agent} asks ${open.length} things`, {
    hint: `Say which one with --id: ${ids}; \`swarm status\` shows them.`,
    exitCode: 2,
  });
}

interface SendOptions {
  /** Until it has its receipt. */
  wait?: boolean;
  timeout?: string;
}

const RECEIPT_LOOK_MS = 200;

export async function send(context: Context, agent: string, words: string[], options: SendOptions = {}): Promise<void> {
  const text = words.length === 1 && words[0] === '-' ? await readAll(context.stdin) : words.join(' ');
  if (text.trim() === '')
    throw new SwarmError('usage', 'the message is empty', { hint: 'Write it after the agent.', exitCode: 2 });
  const { client } = await openProject(context);
  const limitMs = options.timeout === undefined ? null : parseDuration(options.timeout);
  const { id, receipt } = await client.send(agent, text);
  if (options.wait !== true && limitMs === null) {
    context.output.document({ id, receipt });
    context.output.line(`${agent}: message ${receipt} (${id})`);
    return;
  }
  const message = await receiptOf(context, client, id, limitMs);
  context.output.document(message);
  context.output.line(`${agent}: message ${message.receipt} (${id})`);
}

/** @throws SwarmError `message-refused`; `timed-out` (exit code 3): it still waits, and will be delivered */
async function receiptOf(
  context: Context,
  client: Pick<SwarmClient, 'message'>,
  id: string,
  limitMs: number | null,
): Promise<MessageDocument> {
  const { signal } = context.interrupt;
  const deadline = limitMs === null ? Number.POSITIVE_INFINITY : performance.now() + limitMs;
  for (;;) {
    const message = await client.message(id);
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
