import * as z from 'zod';
import { planSchema } from './schema.ts';

/** JSON Schema of a plan, for editors: `# yaml-language-server: $schema=…`. */
export function planJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(planSchema, { io: 'input' });
  return { $schema, title: 'swarm plan', ...schema };
}
