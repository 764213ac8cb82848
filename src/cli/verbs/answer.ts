import { Argument, Option } from 'commander';
import type { NeedsYou } from '../../api/agents/schemas.ts';
import type { AnswerRequest } from '../../api/agents/schemas.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from '../project/context.ts';
import { oneLine } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'answer what an agent asks',
  arguments: [new Argument('<agent>'), new Argument('<answer...>', 'allow, deny [REASON], or the text of your answer')],
  options: [new Option('--id <id>', 'which of its questions, where there are several')],
  forPeople: true,
  run: answer,
};

/** What to do about a question that takes no answer. */
const INSTEAD = {
  trust: 'Run `swarm up --trust`.',
  login: 'Log in to Claude Code; the agent then starts by itself.',
  settings: 'Change that setting of Claude Code; the agent then goes on by itself.',
} as const;

async function answer(context: Context, agent: string, words: string[], options: { id?: string }): Promise<void> {
  const { client } = await openProject(context);
  const { needsYou } = await client.status.show();
  const mine = needsYou.filter((item) => item.agent === agent);
  // The supervisor, which knows the names, reports an agent that does not exist.
  if (mine.length === 0) await client.agents.show({ id: agent });
  const request = answerFor(agent, mine, words, options.id);
  await client.agents.answer({ id: agent, ...request });
  context.output.document({ agent, ...request });
  context.output.line(`${agent}: ${request.decision === 'text' ? 'answered' : `${request.decision} sent`}`);
}

/**
 * The answer to one of the agent's open questions, by the words. Pure.
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
    case 'settings':
      throw new SwarmError('bad-answer-kind', `${agent} cannot be answered: ${oneLine(item.text, 200)}`, {
        hint: INSTEAD[item.kind],
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
