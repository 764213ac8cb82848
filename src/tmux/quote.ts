import { TmuxError } from './errors.ts';

/** The kernel refuses a longer argument or variable (MAX_ARG_STRLEN); tmux would show a dead pane without a reason. */
const LONGEST_ARGUMENT_BYTES = 128 * 1024 - 1;
/**
 * Limit for one command. Control mode itself has no limit that was found (3 MB work); execve ends at about 2 MB with
 * the environment.
 */
const LONGEST_COMMAND_BYTES = 1024 * 1024;

/**
 * One line of tmux's command language. Every word is quoted, because unquoted words may be comments (`#`),
 * directives (`%if`), variables or blocks.
 * @throws TmuxError `tmux-too-long`, `tmux-argument` (NUL)
 */
export function commandLine(commands: readonly (readonly string[])[]): string {
  const line = commands.map((argv) => argv.map(quote).join(' ')).join(' ; ');
  if (Buffer.byteLength(line) > LONGEST_COMMAND_BYTES) {
    throw tooLong(`a command of ${Buffer.byteLength(line)} bytes`, LONGEST_COMMAND_BYTES);
  }
  return line;
}

/**
 * Quotes a word. Single quotes keep everything but themselves; control characters are written as octal escapes in
 * double quotes.
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new TmuxError('tmux-argument', 'an argument holds a NUL byte', { reached: 'no' });
  const bytes = Buffer.byteLength(word);
  if (bytes > LONGEST_ARGUMENT_BYTES) throw tooLong(`an argument of ${bytes} bytes`, LONGEST_ARGUMENT_BYTES);
  const parts = word.match(/'+|[\u0001-\u001f\u007f]+|[^'\u0001-\u001f\u007f]+/g) ?? [''];
  return parts.map(quotePart).join('');
}

function quotePart(part: string): string {
  if (part.startsWith("'")) return `"${part}"`;
  if (/^[\u0001-\u001f\u007f]/.test(part)) {
    return `"${Array.from(part, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`).join('')}"`;
  }
  return `'${part}'`;
}

/**
 * Makes `#{…}` and `#(…)`, which runs a shell, plain text, in arguments that tmux expands as a format (the directory of
 * a session). A run of `#` before `[` is a style and passes unchanged.
 */
export function plainFormat(text: string): string {
  return text.replaceAll(/#+(?!#|\[)/g, (run) => run + run);
}

function tooLong(what: string, limit: number): TmuxError {
  return new TmuxError('tmux-too-long', `tmux cannot take ${what} (at most ${limit})`, {
    reached: 'no',
    hint: 'Pass long texts in a file.',
  });
}
