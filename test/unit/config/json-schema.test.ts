import path from 'node:path';
import { expect, it } from 'vitest';
import { configJsonSchema } from '../../../src/config/json-schema.ts';

const templates = path.resolve(import.meta.dirname, '../../../templates/schema');

it('the published JSON Schema of swarm.yaml is the one in force (write it anew with `vitest -u`)', async () => {
  await expect(`${JSON.stringify(configJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    path.join(templates, 'swarm.schema.json'),
  );
});
