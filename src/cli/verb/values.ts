import { Argument, InvalidArgumentError } from 'commander';

/** Parses a whole number within these bounds. @throws InvalidArgumentError */
export function integer(least: number, most: number) {
  return (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most} is accepted.`);
  };
}

/** Parses the number of workers. */
export const workerCount = integer(1, 200);

/** Parses the number of a checkpoint. */
export const checkpointNumber = integer(1, 2 ** 31);

export function whichCheckpoint(): Argument {
  return new Argument('<n>', 'number of the checkpoint').argParser(checkpointNumber);
}
