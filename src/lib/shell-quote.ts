/** One word for a POSIX shell, whatever is in it. For commands that others type, or run through a shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
