import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { documentJsonSchema, documentSchemas } from '../../../src/api/document-schemas.ts';
import { SwarmError, toErrorDocument } from '../../../src/domain/errors.ts';
import { downDocument } from '../../../src/cli/project/status.ts';

const templates = path.resolve(import.meta.dirname, '../../../templates/schema');
const names = Object.keys(documentSchemas) as (keyof typeof documentSchemas)[];

it.each(names)(
  'the published JSON Schema of the %s document is the one in force (write it anew with `vitest -u`)',
  async (name) => {
    const text = `${JSON.stringify(documentJsonSchema(name), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(path.join(templates, `${name}.schema.json`));
  },
);

describe('the documents that the command line makes itself', () => {
  it('status of a project that is down', () => {
    const document = downDocument({ hash: 'h', name: 'n', root: '/r' });
    expect(documentSchemas.status.parse(document)).toEqual(document);
  });

  it('errors', () => {
    for (const error of [new SwarmError('a', 'b', { hint: 'c', exitCode: 3 }), new Error('d'), 'e']) {
      const document = toErrorDocument(error);
      expect(documentSchemas.error.parse(document)).toEqual(document);
    }
  });
});
