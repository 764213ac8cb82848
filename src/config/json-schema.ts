import * as z from 'zod';
import { configSchema } from './schema.ts';

/** JSON Schema of `swarm.yaml`, for editors: `# yaml-language-server: $schema=…`. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input' });
  return { $schema, title: 'swarm.yaml', ...schema };
}
