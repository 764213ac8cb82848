/**
 * Splits a command, as a person types it, into words: with quotes and backslashes as in a shell, and no other syntax of
 * one. Null when a quote is not closed, or when only a shell could run it. Pure.
 */
export function splitCommand(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let index = 0; index < line.length; index += 1) {
    const letter = line[index] ?? '';
    if (quote !== '') {
      if (letter === quote) quote = '';
      else if (letter === '\\' && quote === '"') word = (word ?? '') + (line[(index += 1)] ?? '');
      else word = (word ?? '') + letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (letter === '\\') word = (word ?? '') + (line[(index += 1)] ?? '');
    else if ('|&;<>`$()'.includes(letter)) return null;
    else word = (word ?? '') + letter;
  }
  if (quote !== '') return null;
  return word === null ? words : [...words, word];
}
