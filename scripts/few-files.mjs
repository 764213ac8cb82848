import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A shared file of up to this size costs more to open than to read along with the first ones, bytes. */
const SMALL = 3_000;
const SHARED_BY = 4;

/**
 * A plugin of the bundler that spares a command the opening of files, each of which costs it a hundredth of its start.
 *
 * The bundler makes one file of the modules that the same entries need, and each target of an `import()` is an entry:
 * the modules that every command line needs would lie in one file for each set of verbs that need them too. With `first`
 * imported by all that is loaded later they are one. So are small modules that several of the later ones share.
 *
 * @param first a module, from `root` on, that the program imports before it loads anything by `import()`
 * @param outputs of the metafile of a build without this
 */
export function fewFiles({ root, program, first }, outputs) {
  const entries = Object.keys(outputs).filter((file) => outputs[file].entryPoint !== undefined);
  const later = entries.filter((file) => outputs[file].entryPoint !== program);
  const known = new Set(entries.filter((file) => !later.includes(file)).flatMap((file) => [...loads(outputs, file)]));
  const uses = later.flatMap((file) => [...loads(outputs, file)].filter((used) => !known.has(used)));
  const shared = [...Map.groupBy(uses, (file) => file)]
    .filter(([, users]) => users.length >= SHARED_BY)
    .map(([file]) => file)
    // A small one may need a large one.
    .filter((file) => [...loads(outputs, file)].every((used) => known.has(used) || outputs[used].bytes <= SMALL));
  const modules = shared.flatMap((file) => Object.keys(outputs[file].inputs));
  const ours = modules.filter((name) => name.startsWith('src/'));
  return withImports(root, new Map([[first, ours], ...later.map((file) => [outputs[file].entryPoint, [first]])]));
}

/** The files that one of the build loads before it runs, itself among them. */
function loads(outputs, file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const { path: other, kind } of outputs[file].imports)
    if (kind === 'import-statement' && outputs[other] !== undefined) loads(outputs, other, found);
  return found;
}

/** Has modules import further ones. @param imports by file, from `root` on */
function withImports(root, imports) {
  return {
    name: 'few-files',
    setup(bundler) {
      bundler.onLoad({ filter: /\/src\/.*\.tsx?$/ }, async ({ path: file }) => {
        const added = imports.get(path.relative(root, file));
        if (added === undefined) return undefined;
        const lines = added.map((other) => `import ${JSON.stringify(path.join(root, other))};`);
        const contents = [await readFile(file, 'utf8'), ...lines].join('\n');
        return { contents, loader: path.extname(file).slice(1) };
      });
    },
  };
}
