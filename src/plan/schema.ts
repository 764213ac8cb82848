import * as z from 'zod';
import { FAILURE_POLICIES, PRIORITIES } from '../domain/task.ts';
import { parseDuration } from '../lib/duration.ts';

/** Most tasks of a plan after its matrices: what one submission stores at once. */
export const MAX_TASKS = 10_000;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const name = z.string().regex(NAME, { error: 'letters, digits, dot, dash and underscore, at most 63' });
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'text, a number, or true or false' });

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'a duration such as 45s, 30m or 1h30m', input: text });
    return z.NEVER;
  }
});

const EDGE = 'the name of a task, or {task: NAME, onFailure: block, skip or continue}';
const edge = z.union(
  [
    z.string().transform((task) => ({ task, onFailure: 'block' as const })),
    z.strictObject({
      task: z.string().describe('Name of a task of this plan, or id of one that is there.'),
      onFailure: z
        .enum(FAILURE_POLICIES)
        .default('block')
        .describe('When it is dead or cancelled: wait for a person, end cancelled too, or run without its code.'),
    }),
  ],
  { error: EDGE },
);

/** What `defaults` may hold, and each task. */
const settings = {
  priority: z.enum(PRIORITIES).optional(),
  needs: z.array(z.string()).optional().describe('Capabilities that the agent must have.'),
  agent: z.string().optional().describe('Only this agent may take it.'),
  timeout: duration.optional().describe('Of one attempt.'),
  retries: z.int().min(0).max(100).optional().describe('Further attempts after a failed one.'),
  verify: z.string().optional().describe('The verify command of swarm.yaml that decides; none for no check.'),
  budget: z.number().positive().optional().describe('At most this much money, USD.'),
};

const task = z
  .strictObject({
    title: z.string().optional().describe('One line for people; its name serves where it is absent.'),
    prompt: z.string().optional().describe('What the agent is told.'),
    promptFile: z.string().optional().describe('The same, from a file beside the plan.'),
    command: z.array(z.string()).min(1).optional().describe('argv of a shell task; {{x}} never splits a word.'),
    after: z
      .union([z.array(edge), edge.transform((one) => [one])], { error: `${EDGE}, or a list of such` })
      .default([])
      .describe('Tasks that must be done first; their code is merged in.'),
    on: z.string().optional().describe('Go on from the tip of this task.'),
    matrix: z
      .record(z.string().regex(VARIABLE), z.array(scalar).min(1))
      .optional()
      .describe('One task for each combination of these values.'),
    ...settings,
  })
  .refine((value) => [value.prompt, value.promptFile, value.command].filter((way) => way !== undefined).length < 2, {
    error: 'only one of prompt, promptFile and command',
  });
export type PlanTask = z.output<typeof task>;

export const planSchema = z.strictObject({
  name: name.describe('Group of all its tasks.'),
  vars: z.record(z.string().regex(VARIABLE), scalar).default({}).describe('Values of {{x}}; --var x=… wins.'),
  defaults: z.strictObject(settings).default({}).describe('For each task that does not say otherwise.'),
  tasks: z
    .record(name, task)
    .refine((tasks) => Object.keys(tasks).length > 0, { error: 'at least one task' })
    .describe('By name.'),
});
export type PlanFile = z.output<typeof planSchema>;
