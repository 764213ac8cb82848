import * as z from 'zod';
import { AGENT_KINDS } from '../domain/agent.ts';
import { ATTEMPT_OUTCOMES, ERROR_CLASSES, FAILURE_POLICIES, PRIORITIES } from '../domain/task.ts';

/**
 * The messages over RabbitMQ. Every body is one envelope; an unknown version, an unknown type or a body that does not
 * fit goes to the dead letters with the reason.
 */
export const MESSAGE_VERSION = 1;

export const usageSchema = z.object({
  costUsd: z.number().nonnegative(),
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  cacheReadTokens: z.number().int().nonnegative(),
  cacheCreationTokens: z.number().int().nonnegative(),
});

/** Id or key of a task that must be done first, with what becomes of the dependent when it fails. */
const afterSchema = z.union([
  z.string(),
  z.strictObject({ task: z.string(), onFailure: z.enum(FAILURE_POLICIES).default('block') }),
]);

/**
 * `agent.submit`: a task from any program with the right to send it. It may only *name* a verify command of the config.
 */
export const taskSubmitSchema = z.strictObject({
  title: z.string().min(1).max(500),
  prompt: z.string().max(1_000_000).optional(),
  priority: z.enum(PRIORITIES).default('normal'),
  after: z.array(afterSchema).default([]),
  on: z.string().optional(),
  needs: z.array(z.string()).default([]),
  agent: z.string().optional(),
  timeoutMs: z.number().int().positive().optional(),
  /** Absent: the config's value. */
  retries: z.number().int().min(0).max(100).optional(),
  verify: z.string().optional(),
  budgetUsd: z.number().positive().optional(),
  key: z.string().max(200).optional(),
});

/** A ticket is a hint that there may be work; it names no task. */
export const ticketSchema = z.strictObject({ capability: z.string().nullable() });

/** Request on `agent.claims`; `replyTo` and `correlationId` are AMQP properties. */
export const claimSchema = z.strictObject({
  agent: z.string(),
  kind: z.enum(AGENT_KINDS),
  capabilities: z.array(z.string()),
  /** One lease per slot; a second claim of the same slot while it holds a lease is answered with that same lease. */
  slot: z.number().int().min(0),
  /** Identity of the claiming process: an order of an earlier incarnation is never honoured. */
  incarnation: z.string(),
});

export const dependencySchema = z.object({
  task: z.string(),
  title: z.string(),
  commit: z.string().nullable(),
  summary: z.string(),
  /** It is not done, and the task goes on without its code: in which state it is, and why. */
  failed: z.string().optional(),
});

/** One attempt as its agent needs it: nothing more has to be asked. */
export const taskOrderSchema = z.object({
  task: z.string(),
  attempt: z.number().int().positive(),
  slot: z.number().int().min(0),
  title: z.string(),
  kind: z.enum(AGENT_KINDS),
  prompt: z.string().nullable(),
  command: z.array(z.string()).nullable(),
  /** Milliseconds; the lease is extended by every heartbeat that names the attempt. */
  leaseMs: z.number().int().positive(),
  /** Either a branch (its tip at the time of preparing) or a fixed commit. */
  base: z.object({ branch: z.string().nullable(), commit: z.string() }),
  dependencies: z.array(dependencySchema),
  /** `--on`: start from this commit instead of the base. */
  on: dependencySchema.nullable(),
  timeoutMs: z.number().int().positive().nullable(),
  verify: z.object({ name: z.string(), argv: z.array(z.string()).min(1) }).nullable(),
  /** Most follow-up turns after a failed verify. */
  verifyFollowUps: z.number().int().min(0),
  budgetUsd: z.number().positive().nullable(),
  /**
   * Set when the attempt before was this same agent's and is not to be begun anew: go on with that worktree and
   * conversation, if an attempt numbered `since` or later has begun there. 0: any has.
   */
  resume: z
    .object({ sessionId: z.string().nullable(), since: z.number().int().min(0).default(0), reason: z.string() })
    .nullable(),
  /** Earlier attempts, oldest first, for the hand-off. */
  history: z.array(
    z.object({ attempt: z.number(), agent: z.string(), outcome: z.string(), error: z.string().nullable() }),
  ),
});
export type TaskOrder = z.infer<typeof taskOrderSchema>;

export const claimReplySchema = z.discriminatedUnion('got', [
  z.object({ got: z.literal('task'), order: taskOrderSchema }),
  z.object({ got: z.literal('none'), reason: z.string() }),
]);
export type ClaimReply = z.infer<typeof claimReplySchema>;

/** `agent.results`. A stale result (another attempt is current) is recorded and changes nothing. */
export const taskResultSchema = z.object({
  task: z.string(),
  attempt: z.number().int().positive(),
  agent: z.string(),
  outcome: z.enum(ATTEMPT_OUTCOMES),
  errorClass: z.enum(ERROR_CLASSES).nullable(),
  error: z.string().max(20_000).nullable(),
  summary: z.string().max(20_000),
  /** Tip of the task's branch: the result. Null when nothing was ever prepared or committed. */
  commit: z.string().nullable(),
  branch: z.string().nullable(),
  /** What the result does not hold, or what is odd about it: sentences for people. */
  notes: z.array(z.string()).default([]),
  sessionId: z.string().nullable(),
  usage: usageSchema,
  startedAt: z.string(),
  endedAt: z.string(),
});
export type TaskResult = z.infer<typeof taskResultSchema>;

/** Routing key `agent.status.heartbeat` on the topic exchange. */
export const heartbeatSchema = z.object({
  agent: z.string(),
  incarnation: z.string(),
  attempts: z.array(
    z.object({
      task: z.string(),
      attempt: z.number().int().positive(),
      phase: z.enum(['preparing', 'running', 'verifying', 'asking', 'reporting']),
    }),
  ),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** `agent.alerts`. */
export const alertSchema = z.object({
  severity: z.enum(['info', 'warning', 'critical']),
  key: z.string(),
  text: z.string(),
  agent: z.string().nullable(),
  /** `recovered`: the trouble of this key is over. */
  state: z.enum(['raised', 'recovered']).default('raised'),
});

/** `agent.status`: any other fact of public interest, key `agent.status.<subject>.<what>`. */
export const statusEventSchema = z.record(z.string(), z.unknown());

/** Message type → schema of its payload. */
export const payloadSchemas = {
  'task.submit': taskSubmitSchema,
  'task.ticket': ticketSchema,
  'task.claim': claimSchema,
  'task.claim.reply': claimReplySchema,
  'task.result': taskResultSchema,
  'agent.heartbeat': heartbeatSchema,
  'agent.alert': alertSchema,
  'agent.status': statusEventSchema,
} as const;
export type MessageType = keyof typeof payloadSchemas;
export type Payload<T extends MessageType> = z.infer<(typeof payloadSchemas)[T]>;

export interface Envelope<T extends MessageType = MessageType> {
  v: typeof MESSAGE_VERSION;
  /** UUID, also the AMQP message id: receivers de-duplicate by it. */
  id: string;
  type: T;
  from: string;
  to?: string | undefined;
  /** ISO 8601 */
  at: string;
  payload: Payload<T>;
}

const envelopeSchema = z.object({
  v: z.literal(MESSAGE_VERSION),
  id: z.string().min(1),
  type: z.enum(Object.keys(payloadSchemas) as [MessageType, ...MessageType[]]),
  from: z.string(),
  to: z.string().optional(),
  at: z.string(),
  payload: z.unknown(),
});

export type Decoded<T extends MessageType> = { ok: true; message: Envelope<T> } | { ok: false; reason: string };

/** Checks bytes from the wire against the expected type; never throws. */
export function decode<T extends MessageType>(content: Uint8Array, expected: T): Decoded<T> {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch {
    return { ok: false, reason: 'the body is not JSON in UTF-8' };
  }
  const envelope = envelopeSchema.safeParse(raw);
  if (!envelope.success) return { ok: false, reason: z.prettifyError(envelope.error).replaceAll('\n', ' ') };
  if (envelope.data.type !== expected) {
    return { ok: false, reason: `type "${envelope.data.type}" where "${expected}" is expected` };
  }
  const payload = payloadSchemas[expected].safeParse(envelope.data.payload);
  if (!payload.success) return { ok: false, reason: z.prettifyError(payload.error).replaceAll('\n', ' ') };
  return { ok: true, message: { ...envelope.data, type: expected, payload: payload.data as Payload<T> } };
}
