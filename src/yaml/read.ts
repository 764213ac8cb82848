import { LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { SwarmError } from '../domain/errors.ts';
import { describeIssue, locate, placeOf, type Place } from './issue-words.ts';

export interface YamlFile<Value> {
  value: Value;
  /** `file:line:column` of the value at `path`, or of its key. */
  placeOf: (path: readonly PropertyKey[], where?: 'key' | 'value') => string;
}

/**
 * A YAML text as the schema reads it. Keys without a value are as if they were not written. Pure; `file` is only named in
 * errors.
 * @throws SwarmError `code` (exit code 2) with `file:line:column`, the key, what is accepted and the nearest key
 */
export function readYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
  code: string,
): YamlFile<z.output<Schema>> {
  const lines = new LineCounter();
  const at = ({ line, column }: Place): string => `${file}:${line}:${column}`;
  const refuse = (place: Place, message: string, hint: string): SwarmError =>
    new SwarmError(code, `${at(place)}: ${message}`, { hint, exitCode: 2 });
  // A byte order mark would be part of the first key.
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { lineCounter: lines, merge: true, prettyErrors: false });
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw refuse({ line, column: col }, firstLine(broken.message), 'Correct the YAML there.');
  }
  const value: unknown = dropNulls(document.toJS());
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) {
    return {
      value: parsed.data,
      placeOf: (path, where = 'value') => at(placeOf(document, path, where === 'key', lines)),
    };
  }
  // Issues in the order of the file, so that the first one is where a person would look first.
  const [first] = parsed.error.issues
    .map((issue) => ({ issue, place: locate(document, issue, lines) }))
    .toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  if (first === undefined) throw parsed.error;
  const { message, hint } = describeIssue(first.issue, value, schema);
  const others = parsed.error.issues.length - 1;
  throw refuse(first.place, message + (others > 0 ? ` (and ${others} more)` : ''), hint);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** A key without a value, or a section whose lines are all commented out, means its default. */
function dropNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, dropNulls(inner)]));
}
