import { createInterface } from 'node:readline/promises';
import type { Context } from './context.ts';

/** Asks on the terminal; Enter alone is no. The caller has checked `context.interactive`. */
export async function confirm(context: Context, question: string): Promise<boolean> {
  const answer = await ask(context, `${question} [y/N] `);
  return /^(y|yes)$/i.test(answer);
}

/** One line from the terminal. Ctrl-C and Ctrl-D end the program's verb as an interrupt, or as an empty answer. */
export async function ask(context: Context, question: string): Promise<string> {
  const { signal } = context.interrupt;
  const lines = createInterface({ input: context.stdin, output: context.output.stderr });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  // In its raw mode the terminal sends no SIGINT: readline reports Ctrl-C.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await Promise.race([lines.question(question, { signal }), closed])).trim();
  } finally {
    lines.close();
  }
}
