import { kindOf, type Field, type Fields } from '../../domain/event-fields.ts';
import { EVENT_FAMILIES, EVENTS } from '../../domain/events.ts';

type JsonSchema = Record<string, unknown>;

/** The parts of an event's schema beside its frame: the names of this version, and the data that comes with each. */
export function eventNames(): { name: JsonSchema; allOf: JsonSchema[] } {
  const families = Object.entries(EVENT_FAMILIES).map(([prefix, { words, ...entry }]) => ({
    names: words.map((word) => `${prefix}.${word}`),
    ...entry,
  }));
  const single = Object.entries(EVENTS).map(([name, entry]) => ({ names: [name], ...entry }));
  const all = [...single, ...families].toSorted((a, b) => (a.names.join() < b.names.join() ? -1 : 1));
  return {
    name: {
      anyOf: [
        { enum: all.flatMap(({ names }) => names) },
        { type: 'string', description: 'An event of a later version.' },
      ],
    },
    allOf: all.map(({ names, says, data }) => ({
      if: { properties: { name: { enum: names } } },
      then: { description: says, properties: { data: fieldsSchema(data) } },
    })),
  };
}

function fieldsSchema(fields: Fields): JsonSchema {
  const names = Object.keys(fields);
  const required = names.filter((name) => {
    const field = fields[name];
    return field !== undefined && !kindOf(field).optional;
  });
  const properties = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldSchema(field)]));
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

const SCALARS = {
  text: { type: 'string' },
  time: { type: 'string', description: 'ISO 8601' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  texts: { type: 'array', items: { type: 'string' } },
  object: { type: 'object' },
} as const;

function fieldSchema(field: Field): JsonSchema {
  const kind = kindOf(field);
  if (kind.is === 'word') return { enum: kind.words };
  if (kind.is === 'fields') return fieldsSchema(kind.fields);
  const schema = SCALARS[kind.is];
  return kind.orNull ? { ...schema, type: [schema.type, 'null'] } : schema;
}
