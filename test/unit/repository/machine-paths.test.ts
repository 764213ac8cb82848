import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../support/environment.ts';

/**
 * Directories whose content differs between machines. Those of every Linux (`/usr/bin`, `/etc`, `/tmp`, `/proc`) are
 * not among them.
 */
const OF_ONE_MACHINE =
  /(?<![\w.})\]~*+$/-])\/(?:opt|root|home|Users|srv|mnt|media|work|data|snap|nix|var|usr\/(?:lib|share|local\/(?!s?bin\b)\w+))(?![\w.-])[\w./@+-]*/g;

const NODE = '/opt/homebrew/bin/node';
const RABBITMQ = '/usr/lib/rabbitmq/bin/rabbitmq-server';
/** Files that look for a program where systems install it. */
const LOOKING: Record<string, readonly string[]> = {
  'scripts/fresh.d/mirror.bash': ['/usr/lib/apt/apt-helper'],
  'scripts/install-rabbitmq': [RABBITMQ],
  'scripts/setup.d/node.bash': [NODE],
  'scripts/setup.d/packages.bash': [RABBITMQ],
  'scripts/swarm': [RABBITMQ],
  'test/bench/stock-broker.ts': [RABBITMQ],
};
/** Unit tests read and write no file there: a path is a text to them. */
const EXAMPLE = /^\/home\/(?:ada|ann)(?:\/|$)/;

const machinePaths = (text: string): string[] => text.match(OF_ONE_MACHINE) ?? [];

function isAllowed(file: string, found: string): boolean {
  return LOOKING[file]?.includes(found) === true || (file.startsWith('test/unit/') && EXAMPLE.test(found));
}

describe('a checkout works on any machine', () => {
  const files = globSync(['test/**/*', 'scripts/**/*', '.ci/**/*'], {
    cwd: repositoryRoot,
    withFileTypes: true,
    exclude: (entry) => entry.name === 'node_modules',
  })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(repositoryRoot, path.join(entry.parentPath, entry.name)))
    // The patterns themselves are in this file.
    .filter((file) => path.join(repositoryRoot, file) !== import.meta.filename);

  test('nothing that tests, sets up or builds it names a place of one machine', () => {
    expect(files.length).toBeGreaterThan(300);
    const found = files.flatMap((file) =>
      machinePaths(readFileSync(path.join(repositoryRoot, file), 'utf8'))
        .filter((text) => !isAllowed(file, text))
        .map((text) => `${file}: ${text}`),
    );
    expect(found).toEqual([]);
  });

  test('no exception outlives its reason', () => {
    const unused = Object.entries(LOOKING).flatMap(([file, allowed]) => {
      const text = readFileSync(path.join(repositoryRoot, file), 'utf8');
      return allowed.filter((one) => !machinePaths(text).includes(one)).map((one) => `${file}: ${one}`);
    });
    expect(unused).toEqual([]);
  });

  test.each([
    ["command: ['/opt/x/claude']", true],
    ['PATH=$PATH:/opt/x/bin', true],
    ['see "/home/bob/notes"', true],
    ['`/usr/local/lib/node_modules/x`', true],
    ['`${home}/opt/x`', false],
    ['/usr/local/bin:/usr/bin:/bin', false],
    ["path.join(root, 'home/x')", false],
    ['/worker-1 idle/', false],
  ])('%s', (text, isOne) => {
    expect(machinePaths(text).length > 0).toBe(isOne);
  });
});
