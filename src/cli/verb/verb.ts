import type { Argument, Option } from 'commander';
import type { Context } from '../project/context.ts';

/** What a verb does with what it was given; its exit code, 0 when it says nothing. */
export type Action<Given extends unknown[]> = (context: Context, ...given: Given) => Promise<number | void>;

/** A verb as it is typed, as its help tells of it, and what it does. */
export interface Verb {
  summary: string;
  /** Of its own help, where that says more than the summary. */
  description?: string;
  arguments?: readonly Argument[];
  options?: readonly Option[];
  /** Refused inside an agent's environment. */
  forPeople?: true;
  /** Swarm itself calls it: it stands in no help and no completion. */
  hidden?: true;
  /** Its sub-verbs by name, in the order of its help. */
  verbs?: Readonly<Record<string, Verb>>;
  /** Is given the values of `arguments`, each in its place, then an object with those of `options`. Absent: a group. */
  run?: Action<never>;
}

/** The action of a module that costs time to load: loaded when it is called. */
export function later<Given extends unknown[]>(load: () => Promise<Action<Given>>): Action<Given> {
  return async (context, ...given) => await (await load())(context, ...given);
}
