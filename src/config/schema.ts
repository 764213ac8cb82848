import * as z from 'zod';
import { AGENT_KINDS, PERMISSION_MODES } from '../domain/agent.ts';
import { admissionSchema } from './admission.ts';
import { checkpointsSchema } from './checkpoints.ts';
import { crossChecks } from './cross-checks.ts';
import { healthSchema, limitsSchema } from './health.ts';
import { budgetSchema, holdsSchema } from './holds.ts';
import { scaleSchema } from './scale.ts';
import { parseDuration } from '../lib/duration.ts';

/** Durations stand as text in the file (`30m`) and are milliseconds in the result. */
const MIN_DURATION_MS = 0;
const MAX_DURATION_MS = 30 * 86_400_000;

function duration(least = MIN_DURATION_MS): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const ms = readDuration(text);
    if (ms !== null && ms >= least && ms <= MAX_DURATION_MS) return ms;
    const accepted =
      least > 0
        ? `a duration of at least ${least} ms such as 45s, 30m or 1h30m`
        : 'a duration such as 45s, 30m or 1h30m';
    context.addIssue({ code: 'custom', message: accepted, input: text });
    return z.NEVER;
  });
}

function readDuration(text: string): number | null {
  try {
    return parseDuration(text);
  } catch {
    // The reader of the file adds the place and what is accepted, which this error does not know.
    return null;
  }
}

/** A program and its arguments; never a line for a shell. */
const argv = z.array(z.string()).min(1);
const name = z.string().min(1).max(200);

/** One command, or several that run one after the other. */
const commands = z
  .array(z.union([z.string(), argv], { error: 'one command such as [npm, ci], or a list of such, each word as text' }))
  .transform((value, context): string[][] => {
    if (value.every((one) => typeof one === 'string')) return value.length === 0 ? [] : [value];
    if (value.every((one) => typeof one !== 'string')) return value;
    context.addIssue({ code: 'custom', message: 'one command such as [npm, ci], or a list of such', input: value });
    return z.NEVER;
  });

/** A path that stays in the repository, judged by its text; links are followed when the file is loaded. */
const inside = z.string().refine(
  (text) => {
    const parts = text.replace(/\/+$/, '').split('/');
    return text !== '' && !parts.some((part) => ['', '.', '..', '~'].includes(part)) && parts[0] !== '.git';
  },
  { error: 'a path or pattern inside the repository, such as .env or config/*.local.json' },
);
export const ROLE_NAME = /^[a-z][a-z0-9-]{0,30}$/;

const setupShape = {
  copy: z
    .array(inside)
    .default([])
    .describe('Files and folders of your checkout that git does not track, copied into each new worktree; patterns.'),
  link: z.array(inside).default([]).describe('The same, linked: each agent sees, and changes, yours.'),
  setup: commands.default([]).describe('Command (or list of commands) run in a new worktree, after copy and link.'),
  teardown: commands.default([]).describe('Command (or list of commands) run in a worktree before it is removed.'),
  setupTimeout: duration(1000).prefault('15m').describe('How long set-up and teardown may take, each.'),
  ports: z
    .strictObject({
      base: z.int().min(1024).max(65_000).default(20_000).describe('First port that is given out.'),
      size: z.int().min(1).max(1000).default(20).describe('Ports for each agent, from SWARM_PORT_BASE on.'),
    })
    .optional(),
};

const roleShape = {
  count: z
    .int()
    .min(0)
    .max(200)
    .describe('How many agents of this role `swarm up` starts (worker: 3, other roles: 1).')
    .optional(),
  scale: scaleSchema(duration).optional(),
  kind: z.enum(AGENT_KINDS).default('claude').describe('claude: Claude Code; shell: runs the argv of each task.'),
  command: argv.default(['claude']).describe('Program of the agent and its leading arguments.'),
  slots: z.int().min(1).max(64).default(1).describe('Tasks at once in one agent (shell only).'),
  capabilities: z.array(name).default([]).describe('What tasks may ask for with --needs.'),
  model: name.optional().describe('Model that Claude Code is started with; its own default where absent.'),
  permissionMode: z.enum(PERMISSION_MODES).default('acceptEdits').describe("Claude Code's permission mode."),
  mcp: z
    .enum(['none', 'inherit'])
    .default('none')
    .describe('inherit: agents have your own MCP servers too, and those of .mcp.json in your checkout.'),
  allow: z.array(name).default([]).describe('Allow rules of Claude Code, e.g. Bash(npm test:*).'),
  deny: z.array(name).default([]).describe('Deny rules of Claude Code.'),
  idle: z
    .enum(['eager', 'lazy'])
    .default('eager')
    .describe('eager: an idle agent waits in its pane; lazy: it starts with its first task.'),
  restart: z
    .enum(['permanent', 'transient', 'temporary'])
    .default('permanent')
    .describe('permanent: always; transient: only after a failure; temporary: never.'),
  intensity: z.int().min(1).max(1000).default(5).describe('More restarts than this within the window end in `failed`.'),
  window: duration(1)
    .prefault('15m')
    .describe('Window of `intensity`, and how long an agent must live to count as stable.'),
  backoff: duration(1).prefault('1s').describe('First pause before a restart; doubles, with jitter.'),
  backoffMax: duration(1).prefault('5m').describe('Longest pause before a restart.'),
  limits: limitsSchema(duration),
};

const roleSchema = z.strictObject(roleShape);

const agentsSchema = z
  .record(z.string().regex(ROLE_NAME), roleSchema)
  .prefault({})
  .transform((roles) => {
    const worker = roles['worker'] ?? roleSchema.parse({});
    const all = Object.entries({ worker, ...roles });
    return Object.fromEntries(
      all.map(([role, settings]) => [
        role,
        { ...settings, count: settings.count ?? settings.scale?.min ?? (role === 'worker' ? 3 : 1) },
      ]),
    );
  })
  .describe('Roles by name; agents are called <role>-1, <role>-2, … The role worker is there by default.');

const brokerUrl = z.string().refine((text) => /^amqps?:\/\/\S+$/.test(text) && URL.canParse(text), {
  error: 'an amqp:// or amqps:// URL',
});

/** `swarm.yaml`. Every key has a default, so that the empty file and no file are the same. */
export const configSchema = z
  .strictObject({
    agents: agentsSchema,
    verify: z
      .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/), argv)
      .prefault({})
      .describe('Commands by name that a task may be verified with, each an argv list.'),
    defaultVerify: name.optional().describe('Name of the verify command of tasks that name none.'),
    worktree: z
      .strictObject({
        dir: z
          .string()
          .min(1)
          .optional()
          .describe('Where worktrees lie; relative to the repository. Default: <repo>.swarm beside it.'),
        ...setupShape,
      })
      .prefault({}),
    base: name.optional().describe('Branch that tasks start from; default: the branch checked out.'),
    broker: z
      .strictObject({
        url: brokerUrl.optional().describe('A RabbitMQ of your own; absent: swarm runs a private node.'),
      })
      .prefault({}),
    tasks: z
      .strictObject({
        max: z.int().min(1).max(10_000_000).default(100_000).describe('Open tasks that the store takes.'),
        lease: duration(1000).prefault('60s').describe('How long a silent agent keeps its task.'),
        heartbeat: duration(100).prefault('5s').describe('How often an agent extends its lease.'),
        retries: z
          .int()
          .min(0)
          .max(100)
          .default(2)
          .describe('Further attempts of a failed task that says nothing else.'),
      })
      .prefault({}),
    permissions: z
      .strictObject({
        unanswered: z
          .enum(['wait', 'deny'])
          .default('deny')
          .describe('What becomes of a permission question without an answer.'),
        after: duration(1000).prefault('10m').describe('When `deny` denies, while no person is attached.'),
      })
      .prefault({}),
    alerts: z
      .strictObject({
        command: argv
          .optional()
          .describe('Run for each alert: JSON on its stdin, SWARM_ALERT_TEXT and others in its environment.'),
        webhook: z
          .string()
          .refine((text) => /^https?:\/\/\S+$/.test(text) && URL.canParse(text), {
            error: 'an http:// or https:// URL',
          })
          .optional()
          .describe('URL that each alert is sent to, as JSON by POST.'),
        least: z
          .enum(['info', 'warning', 'critical'])
          .default('warning')
          .describe('The least severity that command and webhook are told of.'),
      })
      .prefault({}),
    health: healthSchema(duration).prefault({}),
    admission: admissionSchema.prefault({}),
    holds: holdsSchema(duration).prefault({}),
    budget: budgetSchema.prefault({}),
    checkpoints: checkpointsSchema(duration).prefault({}),
    stopGrace: duration(1).prefault('5s').describe('From the polite end of a process to the forced one.'),
    tmux: z.strictObject({ program: z.string().min(1).default('tmux').describe('The tmux to run.') }).prefault({}),
  })
  .superRefine(crossChecks);

/** The settings as read: durations in ms, defaults filled in. */
export type Config = z.output<typeof configSchema>;
export type RoleConfig = Config['agents'][string];
