import * as z from 'zod';
import type { ErrorDocument } from '../domain/errors.ts';
import { task } from '../domain/task-document.ts';
import { agent, explain, history } from './agents/schemas.ts';
import { alert } from './alerts/schemas.ts';
import * as checkpoints from './checkpoints/schemas.ts';
import { eventNames } from './events/event-names.ts';
import { event } from './events/schemas.ts';
import { message } from './messages/schemas.ts';
import { status } from './status/schemas.ts';
import { up } from './swarm/schemas.ts';
import { groupAdded, merge, taskAdded, taskDiff } from './tasks/schemas.ts';
import { removed, rollback, rollbackPlan, undo } from './reversible-work/schemas.ts';

const error: z.ZodType<ErrorDocument> = z.object({
  error: z.object({
    code: z.string().describe('Stable, kebab-case.'),
    message: z.string(),
    hint: z.string().describe('What to do next.').exactOptional(),
    retrySafe: z.boolean().describe('Doing the very same again can neither harm nor happen twice.'),
    exitCode: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  }),
});

/**
 * The documents by their names in templates/schema, for programs that read them and for tests. Field names are stable,
 * and a document may gain fields: readers ignore unknown ones.
 */
export const documentSchemas = {
  agent,
  alert,
  checkpoint: checkpoints.checkpoint,
  'checkpoint-show': checkpoints.checkpointShow,
  'checkpoint-diff': checkpoints.checkpointDiff,
  'checkpoint-restore': checkpoints.checkpointRestore,
  'checkpoint-branch': checkpoints.checkpointBranch,
  'checkpoint-prune': checkpoints.checkpointPrune,
  'checkpoint-drop': checkpoints.checkpointDrop,
  error,
  event,
  explain,
  'group-added': groupAdded,
  history,
  merge,
  message,
  removed,
  rollback,
  'rollback-plan': rollbackPlan,
  status,
  task,
  'task-added': taskAdded,
  'task-diff': taskDiff,
  undo,
  up,
} as const;

/** JSON Schema of one document, as published under templates/schema. */
export function documentJsonSchema(name: keyof typeof documentSchemas): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(documentSchemas[name], { io: 'input' });
  if (name !== 'event') return { $schema, title: `swarm ${name}`, ...schema };
  const names = eventNames();
  const properties = { ...schema.properties, name: names.name };
  return { $schema, title: `swarm ${name}`, ...schema, properties, allOf: names.allOf };
}
