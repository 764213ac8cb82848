import { InvalidArgumentError } from 'commander';
import type { Context } from './project/context.ts';

/** A verb: what it was given, in; its exit code, out (0 when it says nothing). Its module is loaded when it is called. */
export type Verb<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<number | void>;

/** The action of a command: loads the verb's module when it is called. */
export type RunVerb = <Args extends unknown[]>(
  load: () => Promise<Verb<Args>>,
) => (...given: unknown[]) => Promise<void>;

/** Parses a whole number within these bounds. @throws InvalidArgumentError */
export function integer(least: number, most: number) {
  return (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most} is accepted.`);
  };
}
