import * as z from 'zod';
import type { ClaudeEvent } from './events.ts';

const valueSchema = z.looseObject({
  stringValue: z.string().optional(),
  // OTLP's JSON writes 64-bit integers as text.
  intValue: z.union([z.string(), z.number()]).optional(),
  doubleValue: z.number().optional(),
});
const attributesSchema = z.array(z.looseObject({ key: z.string(), value: valueSchema.optional() })).default([]);

const logsSchema = z.looseObject({
  resourceLogs: z
    .array(
      z.looseObject({
        scopeLogs: z
          .array(
            z.looseObject({
              logRecords: z
                .array(z.looseObject({ timeUnixNano: z.unknown(), attributes: attributesSchema }))
                .default([]),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});

type Attributes = Map<string, string | number>;

/** The usage of each API request in an OTLP/JSON export of logs. Pure. Throws a ZodError for any other body. */
export function readUsage(body: unknown, at: string): Extract<ClaudeEvent, { type: 'usage' }>[] {
  const records = logsSchema.parse(body).resourceLogs.flatMap((r) => r.scopeLogs.flatMap((s) => s.logRecords));
  return records.flatMap((record) => {
    const attributes = toMap(record.attributes);
    if (attributes.get('event.name') !== 'api_request') return [];
    const sessionId = String(attributes.get('session.id') ?? '');
    return {
      type: 'usage' as const,
      sessionId,
      at,
      requestId: requestId(attributes, sessionId, record.timeUnixNano),
      model: String(attributes.get('model') ?? 'unknown'),
      usage: {
        costUsd: number(attributes, 'cost_usd'),
        inputTokens: number(attributes, 'input_tokens'),
        outputTokens: number(attributes, 'output_tokens'),
        cacheReadTokens: number(attributes, 'cache_read_tokens'),
        cacheCreationTokens: number(attributes, 'cache_creation_tokens'),
      },
    };
  });
}

/** Id of a request; for servers and gateways that name none, its place in the session. */
function requestId(attributes: Attributes, sessionId: string, time: unknown): string {
  const named = attributes.get('request_id');
  if (typeof named === 'string' && named !== '') return named;
  return `${sessionId}#${attributes.get('event.sequence') ?? '?'}@${String(time)}`;
}

function toMap(attributes: z.infer<typeof attributesSchema>): Attributes {
  const map: Attributes = new Map();
  for (const { key, value } of attributes) {
    const found = value?.stringValue ?? value?.intValue ?? value?.doubleValue;
    if (found !== undefined) map.set(key, found);
  }
  return map;
}

function number(attributes: Attributes, key: string): number {
  const value = Number(attributes.get(key) ?? 0);
  return Number.isFinite(value) && value > 0 ? value : 0;
}
