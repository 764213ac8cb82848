/**
 * A small language for the shape of an event's data, from which its type, its check and its JSON Schema follow. Plain
 * data: the command line reads it without a library.
 */
interface Scalars {
  text: string;
  /** ISO 8601 */
  time: string;
  number: number;
  boolean: boolean;
  texts: readonly string[];
  object: Readonly<Record<string, unknown>>;
}

type Scalar = keyof Scalars;
/** `?`: may be absent. A list of words: one of them. */
export type Field = `${Scalar}${'' | ' | null'}${'' | '?'}` | readonly string[] | Fields;
export interface Fields {
  readonly [name: string]: Field;
}

type ValueOf<F> = F extends `${infer Inner}?`
  ? ValueOf<Inner>
  : F extends `${infer Inner} | null`
    ? ValueOf<Inner> | null
    : F extends Scalar
      ? Scalars[F]
      : F extends readonly (infer Word)[]
        ? Word
        : F extends Fields
          ? DataOf<F>
          : never;
type OptionalIn<D> = { [K in keyof D]: D[K] extends `${string}?` ? K : never }[keyof D];

export type DataOf<D> = { [K in Exclude<keyof D, OptionalIn<D>>]: ValueOf<D[K]> } & {
  [K in OptionalIn<D>]?: ValueOf<D[K]>;
};

/** A field, parsed. */
export type FieldKind =
  | { is: Scalar; orNull: boolean; optional: boolean }
  | { is: 'word'; words: readonly string[]; optional: false }
  | { is: 'fields'; fields: Fields; optional: false };

export function kindOf(field: Field): FieldKind {
  if (typeof field !== 'string') {
    return isWords(field)
      ? { is: 'word', words: field, optional: false }
      : { is: 'fields', fields: field, optional: false };
  }
  const bare = field.replace('?', '');
  return { is: bare.replace(' | null', '') as Scalar, orNull: bare.endsWith('null'), optional: field.endsWith('?') };
}

function isWords(field: Fields | readonly string[]): field is readonly string[] {
  return Array.isArray(field);
}

/** Where `data` does not fit `fields`; null: nowhere. Fields that are not named there are a later version's. */
export function misfit(fields: Fields, data: Readonly<Record<string, unknown>>): string | null {
  for (const [name, field] of Object.entries(fields)) {
    const kind = kindOf(field);
    const value = data[name];
    if (value === undefined) {
      if (!kind.optional) return `it has no ${name}`;
    } else if (!fits(kind, value)) return `its ${name} is not ${said(kind)}`;
  }
  return null;
}

function fits(kind: FieldKind, value: unknown): boolean {
  switch (kind.is) {
    case 'word':
      return kind.words.includes(value as string);
    case 'fields':
      return isRecord(value) && misfit(kind.fields, value) === null;
    default:
      return (kind.orNull && value === null) || SCALARS[kind.is](value);
  }
}

const SCALARS: Readonly<Record<Scalar, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  time: isTime,
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  object: isRecord,
};

export function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For people: `text or null`, `one of allow, deny`. */
export function said(kind: FieldKind): string {
  switch (kind.is) {
    case 'word':
      return `one of ${kind.words.join(', ')}`;
    case 'fields':
      return `an object with ${Object.keys(kind.fields).join(', ')}`;
    default:
      return `${kind.is === 'texts' ? 'list of texts' : kind.is}${kind.orNull ? ' or null' : ''}`;
  }
}
