import * as z from 'zod';

/** Called once for each value that cannot be read and so counts as absent: its name, and why. */
export type OnBroken = (what: string, why: string) => void;

/** Takes in each failure of reading `what`; only the first one is told. */
export type TellBroken = (what: string, error: unknown) => void;

export function tellOnce(onBroken: OnBroken): TellBroken {
  const told = new Set<string>();
  return (what, error) => {
    if (told.has(what)) return;
    told.add(what);
    onBroken(what, error instanceof z.ZodError ? z.prettifyError(error) : String(error));
  };
}
