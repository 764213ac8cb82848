import type { Argument, Option } from 'commander';
import type { Context } from '../project/context.ts';

/** The action of a verb; it returns the exit code, or nothing for 0. */
export type Action<Given extends unknown[]> = (context: Context, ...given: Given) => Promise<number | void>;

/** A verb with its arguments, its help and its action. */
export interface Verb {
  summary: string;
  /** For its own help, where that says more than the summary. */
  description?: string;
  arguments?: readonly Argument[];
  options?: readonly Option[];
  /** Refused inside an agent's environment. */
  forPeople?: true;
  /** For swarm's own calls: not in help and completion. */
  hidden?: true;
  /** Its sub-verbs by name, in the order of its help. */
  verbs?: Readonly<Record<string, Verb>>;
  /**
   * Called with the values of `arguments`, each in its place, then an object with those of `options`. Absent: a group.
   */
  run?: Action<never>;
}

/** An action whose module costs time to load: loaded when it is called. */
export function later<Given extends unknown[]>(load: () => Promise<Action<Given>>): Action<Given> {
  return async (context, ...given) => await (await load())(context, ...given);
}
