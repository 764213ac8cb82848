import * as z from 'zod';
import { AGENT_KINDS, NEEDS_YOU_KINDS, PERMISSION_MODES } from '../domain/agent.ts';
import { processIdentitySchema } from '../process/identity-schema.ts';
import { apiFactsSchema, modelPermitSchema, HOLD_KINDS } from './model-permit.ts';
import { usageSchema } from './messages.ts';

/**
 * The link between a wrapper and its supervisor: newline-delimited JSON over `layout.linkSocket`; the wrapper dials and
 * redials (jittered, ≤ 1 s) for ever. It needs no broker. Level-triggered: a wrapper sends its whole snapshot on
 * connect and after each change (coalesced to ≤ 20/s), so no single line matters.
 */
export const LINK_PROTOCOL = 1;

export const heldTaskSchema = z.object({
  task: z.string(),
  attempt: z.number().int().positive(),
  slot: z.number().int().min(0),
  phase: z.enum(['preparing', 'running', 'verifying', 'asking', 'reporting']),
  since: z.string(),
  /** Conversation of this very attempt; absent before its first prompt. */
  sessionId: z.string().exactOptional(),
});
export type HeldTask = z.infer<typeof heldTaskSchema>;

/** The states of Claude Code's process in the pane; a shell wrapper reports `ready` or `busy`. */
export const turnStateSchema = z.enum([
  'none', // no process, none wanted now
  'starting', // spawned, no SessionStart yet
  'ready', // SessionStart seen, nothing asked yet
  'busy',
  'background', // Stop came, background tasks go on
  'permission', // a permission dialog is open
  'idle', // turn done
  'api-error', // StopFailure
  'failed', // empty Stop
  'gone', // process ended
]);
export type TurnState = z.infer<typeof turnStateSchema>;

export const wrapperNeedsYouSchema = z.object({
  id: z.string(),
  kind: z.enum(NEEDS_YOU_KINDS),
  text: z.string(),
  task: z.string().nullable(),
  tool: z.string().optional(),
  input: z.unknown().optional(),
  since: z.string(),
});

/** What the agent does according to its hooks, beside the state of its turn. */
export const activitySchema = z.object({
  /** The last hook of the present process. */
  hook: z.object({ name: z.string(), at: z.string() }).nullable(),
  /** The oldest tool call that has begun and not ended. */
  tool: z.object({ text: z.string(), since: z.string() }).nullable(),
  /** When the turn began; null outside of one. `waitedMs`: how long it has waited for a person. */
  turnBegan: z.string().nullable(),
  waitedMs: z.number().nonnegative(),
  /** The last request that the API answered, by telemetry. */
  apiAt: z.string().nullable(),
  /** When the agent last did something new: another call or another result than just before, or the end of a turn. */
  advancedAt: z.string().nullable(),
  /** How the last turn failed, until the next one begins: Claude Code's own word, or `empty_stop`. */
  failure: z.object({ error: z.string(), details: z.string().nullable(), at: z.string() }).nullable().default(null),
  /** A loop: the same calls with the same results again and again; `period` of them make up one round. */
  repeat: z
    .object({
      rounds: z.number().int().positive(),
      period: z.number().int().positive(),
      text: z.string(),
      since: z.string(),
      at: z.string(),
    })
    .nullable(),
});
export type Activity = z.infer<typeof activitySchema>;

export const wrapperSnapshotSchema = z.object({
  agent: z.string(),
  kind: z.enum(AGENT_KINDS),
  /** With which its processes are started; absent: of a wrapper of an earlier version, or of kind shell. */
  permissionMode: z.enum(PERMISSION_MODES).exactOptional(),
  slots: z.number().int().positive(),
  /** UUID of this wrapper process. */
  incarnation: z.string(),
  wrapper: processIdentitySchema,
  buildId: z.string(),
  startedAt: z.string(),
  /** The agent's own process (claude), when one lives. */
  child: processIdentitySchema.nullable(),
  sessionId: z.string().nullable(),
  transcriptPath: z.string().nullable(),
  turn: turnStateSchema,
  turnSince: z.string(),
  /** Last evidence of progress: hook, transcript growth, API request, output. */
  lastProgressAt: z.string().nullable(),
  /** Absent where the agent has no hooks. */
  activity: activitySchema.exactOptional(),
  tasks: z.array(heldTaskSchema),
  needsYou: z.array(wrapperNeedsYouSchema),
  held: z
    .object({
      kind: z.enum([...HOLD_KINDS, 'admission', 'draft']),
      until: z.string().nullable(),
      detail: z.string(),
    })
    .nullable(),
  paused: z.boolean(),
  /** How often this wrapper started an agent process again that had ended unasked. */
  restarts: z.number().int().min(0),
  lastExit: z
    .object({ at: z.string(), code: z.number().nullable(), signal: z.string().nullable(), detail: z.string() })
    .nullable(),
  /** Set when the wrapper gave up restarting its agent (restart intensity exceeded); cleared by `restart`. */
  failure: z.string().nullable(),
  /** Totals of this agent in this incarnation of the wrapper. */
  usage: usageSchema,
  contextPercent: z.number().nullable(),
  branch: z.string().nullable(),
  checkpoint: z.object({ n: z.number().int(), at: z.string() }).nullable(),
  amqp: z.enum(['none', 'connecting', 'connected']),
  /** Attempts whose result lies in the spool, and not yet with the broker. */
  spooled: z.array(z.object({ task: z.string(), attempt: z.number().int() })),
  api: apiFactsSchema.exactOptional(),
});
export type WrapperSnapshot = z.infer<typeof wrapperSnapshotSchema>;

/** Orders of a supervisor to a wrapper; each is answered by one `ack`. */
export const orderSchema = z.discriminatedUnion('do', [
  /** End the agent's process tree (SIGTERM, grace, SIGKILL), give an unfinished attempt back as `released`, exit 0. */
  z.object({
    do: z.literal('stop'),
    graceMs: z.number().int().positive(),
    /** The attempts in hand are neither committed nor given back: the supervisor decides about them. */
    leaveAttempts: z.boolean().optional(),
  }),
  /** Take no new task; a running turn goes on to its end. */
  z.object({ do: z.literal('pause') }),
  z.object({ do: z.literal('resume') }),
  /** End the agent's process and start it again with the same conversation; clears `failure`. */
  z.object({ do: z.literal('restart') }),
  /** `needsYou` null = the only open one. `text` answers a question, or is the reason of a denial. */
  z.object({
    do: z.literal('answer'),
    needsYou: z.string().nullable(),
    decision: z.enum(['allow', 'deny', 'text']),
    text: z.string().nullable(),
  }),
  /** A person's message: the next turn of the same conversation, once the agent is free. */
  z.object({ do: z.literal('send'), id: z.string(), text: z.string() }),
  /** A text for an agent in the middle of its turn: it comes with the next tool call, or never. */
  z.object({ do: z.literal('nudge'), text: z.string() }),
  /**
   * Interrupts the agent, which goes on in the same conversation. `command`: ends only the programs of its tool, of the
   * check or of the task, and the agent sees their end; where there is none, the turn ends, as with `turn`.
   */
  z.object({ do: z.literal('interrupt'), what: z.enum(['command', 'turn']), reason: z.string() }),
  z.object({ do: z.literal('checkpoint'), reason: z.string() }),
  /** Stop work on this attempt, report it `cancelled`. */
  z.object({ do: z.literal('cancel'), task: z.string(), attempt: z.number().int().positive() }),
]);
export type Order = z.infer<typeof orderSchema>;

/** Supervisor → wrapper. A wrapper refuses messages with an epoch below the highest it has seen. */
export const toWrapperSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    epoch: z.number().int().nonnegative(),
    protocol: z.number().int(),
    /** Null while there is no broker; sent again when it changes. */
    amqpUrl: z.string().nullable(),
    /** Attempts that the store holds for this agent; the wrapper drops work on any other. */
    attempts: z.array(z.object({ task: z.string(), attempt: z.number().int() })),
    gate: modelPermitSchema.exactOptional(),
  }),
  /** Sent when the model permit changes. */
  z.object({ type: z.literal('gate'), epoch: z.number().int(), gate: modelPermitSchema }),
  z.object({ type: z.literal('broker'), epoch: z.number().int(), amqpUrl: z.string().nullable() }),
  z.object({ type: z.literal('order'), epoch: z.number().int(), id: z.string(), order: orderSchema }),
  /** The supervisor ends on purpose: do not start it again. */
  z.object({ type: z.literal('bye'), epoch: z.number().int() }),
]);
export type ToWrapper = z.infer<typeof toWrapperSchema>;

/** Wrapper → supervisor. */
export const toSupervisorSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    token: z.string(),
    snapshot: wrapperSnapshotSchema,
  }),
  z.object({ type: z.literal('snapshot'), snapshot: wrapperSnapshotSchema }),
  z.object({
    type: z.literal('ack'),
    id: z.string(),
    ok: z.boolean(),
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
    /** checkpoint: {n, commit, tree, created}; … */
    result: z.unknown().optional(),
  }),
  /** For the event log: `task.progress`, `turn.started`, `turn.ended`, `agent.restarted`, … */
  z.object({
    type: z.literal('event'),
    name: z.string(),
    at: z.string(),
    task: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  }),
]);
export type ToSupervisor = z.infer<typeof toSupervisorSchema>;

/** What a new worktree gets before a program works in it. */
export const worktreeSetupSchema = z.object({
  /** Patterns below the person's checkout: files and folders that git does not track there. */
  copy: z.array(z.string()),
  link: z.array(z.string()),
  commands: z.array(z.array(z.string()).min(1)),
  /** For all commands together. */
  timeoutMs: z.number().int().positive(),
});
export type WorktreeSetup = z.infer<typeof worktreeSetupSchema>;

/** The file `layout.specDir/<agent>.json` (0600): what a wrapper needs to begin. `wrapper.js --spec FILE`. */
export const agentSpecSchema = z.object({
  agent: z.string(),
  kind: z.enum(AGENT_KINDS),
  slots: z.number().int().positive(),
  capabilities: z.array(z.string()),
  /** Program of the agent and leading arguments, e.g. ["claude"]. */
  command: z.array(z.string()).min(1),
  worktree: z.string(),
  project: z.string(),
  root: z.string(),
  gitCommonDir: z.string(),
  stateDir: z.string(),
  shadowGit: z.string(),
  spoolDir: z.string(),
  logsDir: z.string(),
  runtimeDir: z.string(),
  linkSocket: z.string(),
  tmuxSocket: z.string(),
  tmuxProgram: z.string(),
  envSnapshot: z.string(),
  /** Secret of this agent for the link, the hooks and MCP. */
  token: z.string(),
  /** How to start the supervisor when it is gone. */
  supervisorArgv: z.array(z.string()).min(1),
  buildId: z.string(),
  /** Digest of the settings from which this file was written. */
  settings: z.string().optional(),
  base: z.object({ branch: z.string().nullable(), commit: z.string() }),
  idle: z.enum(['eager', 'lazy']),
  permissionMode: z.enum(PERMISSION_MODES),
  allow: z.array(z.string()),
  deny: z.array(z.string()),
  /** unanswered permission questions: wait, or deny after this many ms when no person is attached */
  unanswered: z.object({ policy: z.enum(['wait', 'deny']), afterMs: z.number().int().positive() }),
  trustWorkspace: z.boolean(),
  restart: z.object({
    policy: z.enum(['permanent', 'transient', 'temporary']),
    intensity: z.number().int().positive(),
    windowMs: z.number().int().positive(),
    backoffMs: z.number().int().positive(),
    backoffMaxMs: z.number().int().positive(),
  }),
  checkpoints: z
    .object({
      everyMs: z.number().int().positive(),
      maxFileBytes: z.number().int().nonnegative(),
      /** Word patterns of shell commands before which a checkpoint is taken. */
      before: z.array(z.string()),
    })
    .default({ everyMs: 300_000, maxFileBytes: 104_857_600, before: [] }),
  stopGraceMs: z.number().int().positive(),
  heartbeatMs: z.number().int().positive(),
  /** Set-up of the worktrees of further slots; the agent's own is set up when its wrapper begins. */
  setup: worktreeSetupSchema.exactOptional(),
  /** Added to the environment of every program of the agent: SWARM_AGENT, SWARM_PORT_BASE, … */
  variables: z.record(z.string(), z.string()).exactOptional(),
  /** The agent's ports, named in its prompts where the project uses ports. */
  ports: z.object({ base: z.number().int(), size: z.number().int() }).exactOptional(),
  /** Present: the agent gets the person's own MCP servers and these of the project, which were approved. */
  mcpServers: z.record(z.string(), z.unknown()).exactOptional(),
  /** The model permit when this was written; the link reports changes. */
  gate: modelPermitSchema.exactOptional(),
  /** Conversation to resume at the start (after a crash). */
  resume: z.object({ sessionId: z.string() }).nullable(),
});
export type AgentSpec = z.infer<typeof agentSpecSchema>;
