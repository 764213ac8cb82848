import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
} from 'yaml';
import * as z from 'zod';
import { nearest } from '../lib/nearest.ts';
import { clip } from '../lib/text.ts';

export interface Place {
  /** Line and column count from 1. */
  line: number;
  column: number;
}

type Issue = z.core.$ZodIssue;

/** Where in the file an issue lies: at the key for a wrong key, at the value for a wrong value. */
export function locate(document: Document, issue: Issue, lines: LineCounter): Place {
  const keyed = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const atKey = issue.code === 'unrecognized_keys' || issue.code === 'invalid_key';
  return placeOf(document, keyed, atKey, lines);
}

/** Where the key at `path` stands, or its value. */
export function placeOf(document: Document, path: readonly PropertyKey[], atKey: boolean, lines: LineCounter): Place {
  const { line, col } = lines.linePos(offsetOf(document, path, atKey));
  return { line, column: col };
}

function offsetOf(document: Document, path: readonly PropertyKey[], atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    const target = isAlias(node) ? node.resolve(document) : node;
    if (isMap(target)) {
      const pair: Pair | undefined = target.items.find((item) => isPair(item) && keyText(item.key) === String(step));
      // A key that came by `<<`, or is not written at all: the nearest place that is.
      if (pair === undefined) return offset;
      const place = last && atKey ? startOf(pair.key) : (startOf(pair.value) ?? startOf(pair.key));
      offset = place ?? offset;
      node = pair.value;
    } else if (isSeq(target)) {
      node = target.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? ((node as Node).range?.[0] ?? undefined) : undefined;
}

/** What is wrong and what is accepted, in one line; and what a person does about it. */
export function describeIssue(issue: Issue, value: unknown, schema: z.ZodType): { message: string; hint: string } {
  const key = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') return describeUnknownKey(schema, issue.path, issue.keys[0] ?? '');
  if (issue.code === 'invalid_key') {
    return {
      message: `"${String(issue.path.at(-1))}" cannot be a name here`,
      hint: 'Use lower-case letters, digits and dashes, a letter first.',
    };
  }
  const found = at(value, issue.path);
  if (issue.code === 'invalid_type' && issue.expected === 'array' && typeof found === 'string') {
    const cure = found
      .trim()
      .split(/\s+/)
      .map((word) => JSON.stringify(word))
      .join(', ');
    return {
      message: `${key}: a list is needed, not one string`,
      hint: `Write it as [${cure}]; swarm never uses a shell.`,
    };
  }
  const accepted = acceptedBy(issue);
  const shown = key.endsWith('url') ? 'the value' : show(found);
  const [near] =
    issue.code === 'invalid_value' && typeof found === 'string' ? nearest(found, issue.values.map(String)) : [];
  const meant = near === undefined ? '' : ` Did you mean \`${near}\`?`;
  return { message: `${key || 'the file'}: ${shown} is not accepted`, hint: `Write ${accepted}.${meant}` };
}

function describeUnknownKey(
  schema: z.ZodType,
  path: readonly PropertyKey[],
  key: string,
): { message: string; hint: string } {
  const known = knownKeys(schema, path);
  const where = path.length === 0 ? '' : ` under \`${path.map(String).join('.')}\``;
  const [near] = nearest(key, known);
  const list = known.length === 0 ? 'No key is accepted there.' : `Accepted: ${known.join(', ')}.`;
  return {
    message: `there is no key \`${key}\`${where}`,
    hint: near === undefined ? list : `Did you mean \`${near}\`? ${list}`,
  };
}

interface ObjectSchema {
  properties?: Record<string, ObjectSchema>;
  additionalProperties?: ObjectSchema | boolean;
}

/** The keys of the section at `path`, read from the schema itself so that they cannot differ from it. */
export function knownKeys(of: z.ZodType, path: readonly PropertyKey[]): string[] {
  let schema = z.toJSONSchema(of, { io: 'input' }) as ObjectSchema;
  for (const step of path) {
    const more = schema.additionalProperties;
    schema = schema.properties?.[String(step)] ?? (typeof more === 'object' ? more : {});
  }
  return Object.keys(schema.properties ?? {});
}

function acceptedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return typeName(issue.expected);
    case 'too_small':
      return issue.origin === 'array'
        ? 'a list that is not empty'
        : issue.origin === 'string'
          ? 'some text'
          : `a number of at least ${String(issue.minimum)}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `at most ${String(issue.maximum)} characters`
        : `a number of at most ${String(issue.maximum)}`;
    case 'custom':
      return issue.message;
    default:
      return issue.message;
  }
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    object: 'a section with keys',
    record: 'a section with keys',
    array: 'a list, such as [npm, test]',
    string: 'text (in quotes where it looks like a number)',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  return names[expected] ?? expected;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      inner === null || typeof inner !== 'object' ? undefined : (inner as Record<PropertyKey, unknown>)[step],
    value,
  );
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : clip(JSON.stringify(value), 60);
}
