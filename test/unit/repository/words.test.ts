import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../support/environment.ts';

/** Words and phrases that hide which agent, person, program or time is meant: a comment names it instead. */
const RETIRED = ['whoever', 'whomever', 'nobody', 'somebody', 'someone', 'anybody', 'everybody'];
const RETIRED_IN_COMMENTS = [...RETIRED, 'anyone', 'everyone', 'of before', 'of now', 'of then'];

const found = (text: string, words: readonly string[]): string[] =>
  text.match(new RegExp(`\\b(?:${words.join('|')})\\b`, 'gi')) ?? [];

/** The comments of a program, each as one line: blocks that begin a line, and `//` or `#` to the end of the line. */
function commentsOf(text: string, hash: boolean): string[] {
  const comment = hash
    ? /(?:^[ \t]*#.*\n)+|[ \t]# .*$/gm
    : /^[ \t]*\{?\/\*[^]*?\*\/|(?:^[ \t]*\/\/.*\n)+|[ \t]\/\/ .*$/gm;
  return (text.match(comment) ?? []).map((one) => one.replaceAll(/\s*\n\s*(?:\*|\/\/|#)?\s*/g, ' '));
}

const programs = globSync('{src,test,scripts}/**/*', {
  cwd: repositoryRoot,
  withFileTypes: true,
  exclude: (entry) => entry.name === 'node_modules' || entry.name === 'fixtures',
})
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(repositoryRoot, path.join(entry.parentPath, entry.name)))
  // The words themselves are in this file.
  .filter(
    (file) => /(?:\.(?:tsx?|mjs|sh|bash)|\/[\w-]+)$/.test(file) && !file.endsWith(path.basename(import.meta.filename)),
  )
  .map((file) => ({ file, text: readFileSync(path.join(repositoryRoot, file), 'utf8') }));

describe('the words', () => {
  test('of comments name the agent, the person and the program that they mean', () => {
    expect(programs.length).toBeGreaterThan(700);
    const riddles = programs.flatMap(({ file, text }) =>
      commentsOf(text, !/\.(?:tsx?|mjs)$/.test(file)).flatMap((comment) =>
        found(comment, RETIRED_IN_COMMENTS).map((word) => `${file}: ${word}: ${comment.trim()}`),
      ),
    );
    expect(riddles).toEqual([]);
  });

  test('of names and texts in src do so, too', () => {
    const riddles = programs.flatMap(({ file, text }) =>
      file.startsWith('src/') ? found(text, RETIRED).map((word) => `${file}: ${word}`) : [],
    );
    expect(riddles).toEqual([]);
  });

  test('are found in comments of each form, also across lines, and not in code', () => {
    const program = [
      '/**',
      ' * The agent of',
      ' * before.',
      ' */',
      "const glob = 'src/**/*'; // Nobody reads it.",
      'for (const one of before) {',
      '  // Whoever',
      '  // comes.',
      '}',
    ].join('\n');
    const words = (text: string, hash: boolean): string[] =>
      commentsOf(text, hash).flatMap((comment) => found(comment, RETIRED_IN_COMMENTS));
    expect(words(program, false)).toEqual(['of before', 'Nobody', 'Whoever']);
    expect(words('#!/bin/sh\n# Somebody else\necho nobody # whoever\n', true)).toEqual(['Somebody', 'whoever']);
  });
});
