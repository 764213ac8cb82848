import * as z from 'zod';
import type { Conversation } from './conversation.ts';

/**
 * What the scripted model answers. A rule is chosen by the newest prompt of the conversation; its steps are the
 * model's replies one after the other, each next one after the tool results of the one before. Stateless by design:
 * the place in the steps is read off the conversation itself, so that a resumed session goes on where it was.
 *
 * Strings in `text` and in tool inputs may hold `{{cwd}}` (the agent's working directory) and `{{1}}`, `{{2}}`, …
 * (groups of `matches`).
 */
const toolCallSchema = z.strictObject({
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()).default({}),
});

const replySchema = z.strictObject({
  text: z.string().optional(),
  tools: z.array(toolCallSchema).default([]),
  /** ms before the first byte */
  delayMs: z.number().int().min(0).default(0),
  /** ms between the pieces of the streamed text */
  pieceDelayMs: z.number().int().min(0).default(0),
  /** The reply waits until this name is released. */
  hold: z.string().min(1).optional(),
  inputTokens: z.number().int().min(0).default(100),
  outputTokens: z.number().int().min(0).default(20),
});

const faultSchema = z.strictObject({
  fault: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('status'),
      status: z.number().int().min(400).max(599),
      /** seconds */
      retryAfter: z.number().int().min(0).optional(),
      message: z.string().optional(),
    }),
    /** No header ever comes, or the headers and the beginning of a message and then nothing. */
    z.strictObject({ kind: z.literal('hang'), after: z.enum(['nothing', 'start']).default('nothing') }),
    /** The connection breaks in the middle of the streamed message. */
    z.strictObject({ kind: z.literal('drop') }),
  ]),
  /** How many requests meet it before the next step is reached; null = every one. */
  times: z.number().int().positive().nullable().default(1),
});

const stepSchema = z.union([faultSchema, replySchema]);

const ruleSchema = z.strictObject({
  name: z.string().min(1),
  /** Text that the newest prompt contains. */
  contains: z.string().min(1).optional(),
  /** Regular expression (flags `s`) on the newest prompt. */
  matches: z.string().min(1).optional(),
  steps: z.array(stepSchema).min(1),
  /** After the last step comes the first again, for ever: an agent that never ends its turn. */
  loop: z.boolean().default(false),
});

export const scriptSchema = z.strictObject({
  rules: z.array(ruleSchema).default([]),
  /** The reply where no rule fits, and after the last step of a rule. */
  otherwise: z.string().default('Done.'),
});

export type Script = z.infer<typeof scriptSchema>;
/** A script as people write it: fields with a default may be left out. */
export type ScriptInput = z.input<typeof scriptSchema>;
export type Rule = Script['rules'][number];
export type Reply = z.infer<typeof replySchema>;
export type Fault = z.infer<typeof faultSchema>['fault'];

export type Decision = { rule: string | null; step: number } & (
  | { do: 'reply'; reply: Reply }
  /** `key` counts the requests that met this fault. */
  | { do: 'fault'; fault: Fault; key: string }
);

/** The answer to a request. Pure. `met(key)` tells how often that fault was met already. */
export function decide(script: Script, conversation: Conversation, met: (key: string) => number): Decision {
  const found = findRule(script, conversation.prompt);
  const plain: Reply = {
    text: script.otherwise,
    tools: [],
    delayMs: 0,
    pieceDelayMs: 0,
    inputTokens: 100,
    outputTokens: 20,
  };
  if (found === null) return { rule: null, step: 0, do: 'reply', reply: plain };
  const { rule, groups } = found;
  const replies = rule.steps.filter((step) => !('fault' in step)).length;
  const wanted = rule.loop && replies > 0 ? conversation.repliesSincePrompt % replies : conversation.repliesSincePrompt;
  let reply = 0;
  for (const [index, step] of rule.steps.entries()) {
    if ('fault' in step) {
      const key = `${conversation.session} ${conversation.promptIndex} ${rule.name} ${index}`;
      if (reply === wanted && (step.times === null || met(key) < step.times)) {
        return { rule: rule.name, step: index, do: 'fault', fault: step.fault, key };
      }
      continue;
    }
    if (reply === wanted)
      return { rule: rule.name, step: index, do: 'reply', reply: fill(step, groups, conversation.cwd) };
    reply += 1;
  }
  return { rule: rule.name, step: rule.steps.length, do: 'reply', reply: plain };
}

function findRule(script: Script, prompt: string): { rule: Rule; groups: string[] } | null {
  for (const rule of script.rules) {
    if (rule.contains !== undefined && !prompt.includes(rule.contains)) continue;
    if (rule.matches === undefined) return { rule, groups: [] };
    const match = new RegExp(rule.matches, 's').exec(prompt);
    if (match !== null) return { rule, groups: [...match].map((group) => group ?? '') };
  }
  return null;
}

function fill(reply: Reply, groups: string[], cwd: string): Reply {
  const text = (value: string): string =>
    value.replace(/\{\{(cwd|\d+)\}\}/g, (_, name: string) => (name === 'cwd' ? cwd : (groups[Number(name)] ?? '')));
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(deep);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deep(inner)]));
  };
  return {
    ...reply,
    ...(reply.text === undefined ? {} : { text: text(reply.text) }),
    tools: reply.tools.map((call) => ({ name: call.name, input: deep(call.input) as Record<string, unknown> })),
  };
}
