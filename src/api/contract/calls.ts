import type * as z from 'zod';
import type { Route, Routes } from './route.ts';

/** A route's input beside its path (the body of a POST, the query of a GET), and its answer. Absent: none. */
export interface Schema {
  takes?: z.ZodType;
  answers?: z.ZodType;
}

/** The schemas of one noun, by the names of its routes. */
export type Schemas<Table extends Routes> = { readonly [Name in keyof Table]: Schema };

type Names<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** The names in the path. */
type Params<R extends Route> =
  R extends Route<infer Path> ? { [Name in Names<Path>]: Name extends 'n' ? number : string } : never;

type Sent<S> = S extends { takes: infer T extends z.ZodType } ? z.input<T> : unknown;
type Received<S> = S extends { takes: infer T extends z.ZodType } ? z.output<T> : unknown;
type Answer<S> = S extends { answers: infer T extends z.ZodType } ? z.output<T> : void;

/** As one object type: an intersection is hard to read in a message of the compiler. */
type Flat<T> = { [Key in keyof T]: T[Key] };

type Call<Input, Result> =
  Record<never, never> extends Input ? (input?: Input) => Promise<Result> : (input: Input) => Promise<Result>;

/** The calls of a noun as its client makes them: fields with a default may be left out. */
export type ClientOf<Table extends Routes, Given extends Schemas<Table>> = {
  readonly [Name in keyof Table]: Call<Flat<Params<Table[Name]> & Sent<Given[Name]>>, Answer<Given[Name]>>;
};

/** The calls of a noun as a room of the supervisor answers them: checked, and with the defaults. */
export type ServiceOf<Table extends Routes, Given extends Schemas<Table>> = {
  [Name in keyof Table]: (input: Flat<Params<Table[Name]> & Received<Given[Name]>>) => Promise<Answer<Given[Name]>>;
};
