/**
 * The first of the patterns that a shell command matches. The words of a pattern stand in their order in one simple
 * command, its program first; other words may stand between. `-r` also matches `-rf`. Quotes do not protect, so that
 * `bash -c "git clean -fd"` is seen too. One checkpoint too many does no harm; commands within a script are not seen.
 * @returns that pattern, or null
 */
export function harmfulPattern(command: string, patterns: readonly string[]): string | null {
  const parts = command.split(/[;&|\n(){}`]+/).map(wordsOf);
  return patterns.find((pattern) => parts.some((words) => fits(words, wordsOf(pattern)))) ?? null;
}

export type BeforeTool = (tool: string, input: unknown) => Promise<void>;

/**
 * Takes a checkpoint before a command that matches one of the patterns; for the hook before each tool. Best effort:
 * hooks fail open.
 */
export function beforeHarm(patterns: readonly string[], capture: (reason: string) => Promise<void>): BeforeTool {
  return async (tool, input) => {
    const command = (input as { command?: unknown } | null | undefined)?.command;
    if (tool !== 'Bash' || typeof command !== 'string') return;
    const pattern = harmfulPattern(command, patterns);
    if (pattern !== null) await capture(`before ${pattern}`);
  };
}

function wordsOf(text: string): string[] {
  return text
    .replaceAll(/["'\\]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '$');
}

function fits(words: readonly string[], pattern: readonly string[]): boolean {
  const [program, ...rest] = pattern;
  if (program === undefined) return false;
  return words.some((word, at) => word.split('/').at(-1) === program && inOrder(words.slice(at + 1), rest));
}

function inOrder(words: readonly string[], wanted: readonly string[]): boolean {
  let at = 0;
  for (const want of wanted) {
    const found = words.findIndex((word, index) => index >= at && means(word, want));
    if (found === -1) return false;
    at = found + 1;
  }
  return true;
}

const LONG: Readonly<Record<string, string>> = { '-r': '--recursive', '-f': '--force' };

/** Whether `word` has the meaning of the option `want`. Single letters may stand together, in any order. */
function means(word: string, want: string): boolean {
  if (word === want || word === LONG[want]) return true;
  const letter = /^-([a-zA-Z])$/.exec(want)?.[1];
  return letter !== undefined && /^-[a-zA-Z]+$/.test(word) && word.toLowerCase().includes(letter.toLowerCase());
}
