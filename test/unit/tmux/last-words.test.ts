import { expect, test } from 'vitest';
import { lastWords } from '../../../src/tmux/last-words.ts';

const NODE = `node:internal/modules/package_json_reader:301
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);
        ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'reg' imported from /w/
    at Object.getPackageJSONURL (node:internal/modules/package_json_reader:301:9)
    at packageResolve (node:internal/modules/esm/resolve:764:81) {
  code: 'ERR_MODULE_NOT_FOUND'
}

Node.js v24.8.0

 ended with exit code 1; swarm looks after it
`;

test('Of a stack trace the message is told, and all of it is kept', () => {
  const words = lastWords(NODE);
  expect(words?.line).toBe("Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'reg' imported from /w/");
  expect(words?.lines).toContain('Node.js v24.8.0');
});

test.each([
  ['mise ERROR Config files in /w are not trusted.\nTrust them with `mise trust`.\n', /are not trusted/],
  ['direnv: error /w/.envrc is blocked. Run `direnv allow` to approve its content\n', /is blocked/],
  ['\u001B[31mclosed on Sundays\u001B[0m\n\n', /^closed on Sundays$/],
])('The line that says why is found: %s', (screen, line) => {
  expect(lastWords(screen)?.line).toMatch(line);
});

test('What stood on the screen before is no word of this program, also where the screen has moved on', () => {
  expect(lastWords('an old error\nrefused\n', 'an old error\n')?.lines).toEqual(['refused']);
  expect(lastWords('old 2\nold 3\nrefused\n', 'old 1\nold 2\nold 3\n')?.lines).toEqual(['refused']);
  expect(lastWords('an old error\n', 'an old error\n')).toBeNull();
  expect(lastWords('')).toBeNull();
});
