import { oneLine, type Output } from './output.ts';

const MOST_NAMES = 20;

/** Prints the first of many names, one a line, and the number of the others. */
export function listNames(output: Output, lines: readonly string[]): void {
  for (const line of lines.slice(0, MOST_NAMES)) output.line(`  ${oneLine(line, 120)}`);
  if (lines.length > MOST_NAMES) output.line(`  … and ${lines.length - MOST_NAMES} more`);
}
