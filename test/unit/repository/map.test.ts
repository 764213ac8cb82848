import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { FOLDERS, ROOMS } from '../../../oxlint.config.ts';
import { repositoryRoot } from '../../support/environment.ts';

/** With more files than fit on a screen, a newcomer no longer finds one by its name. */
const MOST_FILES = 25;
/** Each is an arrow from below to above; so few can be known by heart. */
const MOST_LATE_LOOKUPS = 5;
const COMPOSITION = ['supervisor', 'core', 'rooms'].map((name) => `src/supervisor/${name}.ts`);
/** Names with a retired ending that mean something else: these are ports of TCP. */
const EXEMPT: readonly string[] = ['BrokerPorts'];

const read = (file: string): string => readFileSync(path.join(repositoryRoot, file), 'utf8');
const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].flatMap(([, found]) => (found === undefined ? [] : [found]));

const entries = globSync('src/**/*', { cwd: repositoryRoot, withFileTypes: true }).map((entry) => ({
  folder: path.relative(repositoryRoot, entry.parentPath),
  file: path.relative(repositoryRoot, path.join(entry.parentPath, entry.name)),
  isFile: entry.isFile(),
}));
const files = entries.filter(({ isFile }) => isFile);
const folders = entries.filter(({ isFile }) => !isFile).map(({ file }) => file);

/** From below to above, as lint holds it; the rooms of a folder after it. */
const declared = Object.keys(FOLDERS).flatMap((folder) => [
  `src/${folder}`,
  ...(ROOMS[folder] ?? []).filter((room) => room !== '.').map((room) => `src/${folder}/${room}`),
]);

describe('the folders of src', () => {
  test('lint knows each of them, and none that is not there', () => {
    expect(declared.toSorted()).toEqual(folders.toSorted());
    expect(Object.keys(ROOMS).filter((folder) => !(folder in FOLDERS))).toEqual([]);
  });

  test('docs/ARCHITECTURE.md has a line for each, in the order of who may import whom', () => {
    expect(matches(read('docs/ARCHITECTURE.md'), /^\| `(src\/[\w/-]+)` \|/gm)).toEqual(declared);
  });

  test(`none holds more than ${MOST_FILES} files of its own`, () => {
    const counts = Map.groupBy(files, ({ folder }) => folder);
    const full = [...counts].filter(([, own]) => own.length > MOST_FILES);
    expect(full.map(([folder, own]) => `${folder}: ${own.length}`)).toEqual([]);
  });
});

const PAGES = ['CONTRIBUTING.md', 'CHANGELOG.md', 'docs/ARCHITECTURE.md', 'docs/GLOSSARY.md', 'docs/CLAUDE-CODE.md'];

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  test('every file that it names is there', () => {
    const named = matches(text, /`((?:src|test|scripts|docs|templates)\/[\w./-]+)`/g);
    expect(named.filter((file) => !existsSync(path.join(repositoryRoot, file)))).toEqual([]);
  });

  test('every link of it leads to a page, and README leads to it', () => {
    const linked = matches(text, /\]\(([^)#:]+)(?:#[^)]*)?\)/g);
    expect(linked.filter((file) => !existsSync(path.join(repositoryRoot, path.dirname(page), file)))).toEqual([]);
    expect(read('README.md')).toContain(`](${page})`);
  });
});

describe('words', () => {
  /** After "not:" in the glossary, as code: `Name`, or `…Ending` of names of classes and types. */
  const retired = matches(read('docs/GLOSSARY.md'), /\(not: ([^)]*)\)/g).flatMap((words) =>
    matches(words, /`([^`]+)`/g),
  );
  const isRetired = (name: string): boolean =>
    retired.some((word) =>
      word.startsWith('…') ? /^[A-Z]/.test(name) && name.endsWith(word.slice(1)) : name === word,
    );

  test('the glossary tells which names are retired', () => {
    expect(retired).toEqual(expect.arrayContaining(['…World', '…Ports', '…Dependencies', 'GateOrder']));
  });

  test('what is exported bears no retired name', () => {
    const found = files
      .filter(({ file }) => /\.tsx?$/.test(file))
      .flatMap(({ file }) =>
        exportedNames(read(file))
          .filter((name) => isRetired(name) && !EXEMPT.includes(name))
          .map((name) => `${file}: ${name}`),
      );
    expect(found).toEqual([]);
  });

  test('exported names are found in each of their forms', () => {
    const text = [
      'export interface FleetWorld {}',
      'export abstract class Fleet {}',
      'export async function begin() {}',
      "export { type A, b as GateOrder } from './x.ts';",
      'export default class {}',
      'interface Inner {}',
    ].join('\n');
    expect(exportedNames(text)).toEqual(['FleetWorld', 'Fleet', 'begin', 'A', 'GateOrder']);
  });
});

function exportedNames(text: string): string[] {
  const lists = matches(text, /^export (?:type )?\{([^}]*)\}/gm).flatMap((list) => list.split(','));
  return [
    ...matches(
      text,
      /^export (?:(?:declare|abstract|async) )*(?:function\*?|class|interface|type|const|let|enum) (\w+)/gm,
    ),
    ...lists.flatMap((one) => matches(one, /(\w+)\s*$/g)),
  ];
}

test(`the supervisor is composed with at most ${MOST_LATE_LOOKUPS} late look-ups`, () => {
  const late = COMPOSITION.flatMap((file) =>
    matches(read(file), /(\(\) => this\.#\w+)/g).map((found) => `${file}: ${found}`),
  );
  expect(late.slice(MOST_LATE_LOOKUPS)).toEqual([]);
});
