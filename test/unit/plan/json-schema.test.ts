import path from 'node:path';
import { expect, it } from 'vitest';
import { planJsonSchema } from '../../../src/plan/json-schema.ts';

const templates = path.resolve(import.meta.dirname, '../../../templates/schema');

it('the published JSON Schema of a plan is the one in force (write it anew with `vitest -u`)', async () => {
  await expect(`${JSON.stringify(planJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    path.join(templates, 'plan.schema.json'),
  );
});
