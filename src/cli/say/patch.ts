import { plain, type Output } from './output.ts';

/** Prints a patch: unchanged into a pipe, for `git apply`; on a terminal without sequences that steer it. */
export function printPatch(output: Output, text: string): void {
  if (!output.json && !output.isTerminal) output.stdout.write(text);
  else for (const line of plain(text).split('\n')) output.line(colour(output, line));
}

function colour(output: Output, line: string): string {
  if (line.startsWith('@@')) return output.style('cyan', line);
  if (/^(diff |index |\+\+\+ |--- )/.test(line)) return output.style('bold', line);
  if (line.startsWith('+')) return output.style('green', line);
  return line.startsWith('-') ? output.style('red', line) : line;
}
