/** Quotes any text as one word of a POSIX shell. For commands that people type, or that a shell runs. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
