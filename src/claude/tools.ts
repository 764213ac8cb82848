import * as z from 'zod';

/** Name of swarm's MCP server; its tools are `mcp__swarm__<name>` for Claude Code. */
export const MCP_SERVER = 'swarm';

export const toolSchemas = {
  task_context: z.object({}),
  report_progress: z.object({
    text: z.string().min(1).max(2_000).describe('One or two sentences: what is done, what comes next.'),
    percent: z.number().min(0).max(100).optional().describe('How much of the task is done, 0 to 100, if you can tell.'),
  }),
  complete_task: z.object({
    summary: z
      .string()
      .min(1)
      .max(20_000)
      .describe('What you did, in which files, how you checked it, what the next person should know.'),
  }),
  fail_task: z.object({
    reason: z.string().min(1).max(20_000).describe('What you tried, what stands in the way, what would be needed.'),
  }),
  ask_person: z.object({
    question: z
      .string()
      .min(1)
      .max(4_000)
      .describe('One question that can be answered without reading your conversation.'),
    options: z
      .array(z.string().min(1).max(500))
      .max(10)
      .optional()
      .describe('The answers you can think of, best first.'),
  }),
} as const;

export type ToolName = keyof typeof toolSchemas;
export type ToolInput<T extends ToolName> = z.infer<(typeof toolSchemas)[T]>;

/** Each answers with the text the model reads. A throw becomes an error result with the error's message. */
export interface ToolHandlers {
  task_context(input: ToolInput<'task_context'>): Promise<string>;
  report_progress(input: ToolInput<'report_progress'>): Promise<string>;
  complete_task(input: ToolInput<'complete_task'>): Promise<string>;
  fail_task(input: ToolInput<'fail_task'>): Promise<string>;
  ask_person(input: ToolInput<'ask_person'>): Promise<string>;
}

/** Texts for the model. Only here it is told which tool to use when. */
export const toolDescriptions: Readonly<Record<ToolName, string>> = {
  task_context:
    'Read the task you are working on: its text, what earlier attempts and the tasks it depends on left, and what is expected at the end. ' +
    'Use it when you are unsure what is asked, or after your conversation was cut short.',
  report_progress:
    'Tell the people watching how far you are. Use it at each real step of a long task, not after every command.',
  complete_task:
    'Say that the task is done. Call it exactly once, as the last thing, when the work is finished and you have checked it; then end your turn. ' +
    'Do not call it for part of the work, or while something still fails: use report_progress or fail_task then.',
  fail_task:
    'Say that the task cannot be done, and why. Use it only when you have tried and no answer of a person could help; then end your turn.',
  ask_person:
    'Ask a person when only a person can decide: a choice of product, a secret, a destructive step. It does not wait: ' +
    'end your turn after calling it. The answer comes as your next prompt. Never ask for what you can find out yourself.',
};

export const TOOL_NAMES = Object.keys(toolSchemas) as ToolName[];
/** Rules by which swarm's own tools never ask. */
export const TOOL_ALLOW_RULES: readonly string[] = TOOL_NAMES.map((name) => `mcp__${MCP_SERVER}__${name}`);
