/** One word for a POSIX shell, whatever is in it. For commands that Claude Code itself runs through a shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
