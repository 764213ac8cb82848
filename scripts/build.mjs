// Bundles each program into dist/<build id>/ and points dist/current at it.
//
// A build is immutable: its id is the hash of everything that goes into it, it is made in a directory of its own and
// moved into place in one step. A supervisor that has run for a week therefore never finds its files changed, and two
// builds at the same moment cannot disturb each other.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { fewFiles } from './few-files.mjs';
import { pruneBuilds } from './prune-builds.mjs';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

const PROGRAMS = {
  cli: 'src/cli.ts',
  supervisor: 'src/supervisor/main.ts',
  wrapper: 'src/wrapper/main.ts',
  demo: 'src/demo/main.ts',
};

/** Files outside of src that can change the bundler's output. */
const OTHER_INPUTS = ['package.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/few-files.mjs'];

// Bundled CommonJS packages expect these names; an ES module has none of them.
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;',
].join('\n');

/**
 * Loads string-width at its first call instead of with the program: its preparation takes a third of the time in which
 * a command starts, and most commands never need it.
 */
const stringWidthWhenCalled = {
  name: 'string-width-when-called',
  setup(bundler) {
    const namespace = 'when-called';
    bundler.onResolve({ filter: /^string-width$/ }, ({ path: id, namespace: from }) =>
      from === namespace ? undefined : { path: id, namespace },
    );
    bundler.onLoad({ filter: /.*/, namespace }, ({ path: id }) => ({
      contents: `let run; export default (...given) => (run ??= require('${id}').default)(...given);`,
      resolveDir: root,
    }));
  },
};

/** Ink imports it for its own debugging only, yet leaving it external fails at run time. */
const withoutReactDevtools = {
  name: 'without-react-devtools',
  setup(bundler) {
    bundler.onResolve({ filter: /^react-devtools-core$/ }, ({ path: id }) => ({ path: id, namespace: 'stub' }));
    bundler.onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: 'export default {};' }));
  },
};

async function sourceFiles() {
  const entries = await readdir(path.join(root, 'src'), { recursive: true, withFileTypes: true });
  const sources = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return [...sources, ...OTHER_INPUTS.map((file) => path.join(root, file))].sort((a, b) => (a < b ? -1 : 1));
}

async function buildId() {
  const hash = createHash('sha256');
  for (const file of await sourceFiles()) {
    const content = await readFile(file);
    hash.update(`${path.relative(root, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 12);
}

function entryPoints() {
  const missing = Object.values(PROGRAMS).filter((source) => !existsSync(path.join(root, source)));
  if (missing.length > 0) throw new Error(`cannot build: ${missing.join(', ')} not found`);
  return PROGRAMS;
}

/** For `fewFiles`: a program that is started for each command. */
const LOADED_FIRST = { cli: 'src/cli/program.ts' };

/**
 * Bundles one program. Each by itself: shared among programs, a module would be in a file of its own for each set of
 * programs that use it, with all that any of them needs of it, and the start of a command costs by the file.
 */
async function bundle(name, source, outdir) {
  const first = LOADED_FIRST[name];
  const options = {
    absWorkingDir: root,
    entryPoints: { [name]: source },
    outdir,
    // Chunks lie beside the programs, so import.meta.dirname is the build's directory wherever code ends up.
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    // Node reads a map only under --enable-source-maps, so they cost nothing at start.
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    jsx: 'automatic',
    banner: { js: BANNER },
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [withoutReactDevtools, stringWidthWhenCalled],
    logLevel: 'warning',
    metafile: true,
  };
  if (first === undefined) return build(options);
  const { metafile } = await build({ ...options, write: false, sourcemap: false });
  if (!(first in metafile.inputs)) return build(options);
  const few = fewFiles({ root, program: source, first }, metafile.outputs);
  return build({ ...options, plugins: [...options.plugins, few] });
}

/** Makes the build unless it exists. Of two at once the first rename wins; their contents are the same. */
async function makeBuild(id) {
  const target = path.join(dist, id);
  if (existsSync(target)) return;
  const scratch = path.join(dist, `.${id}.${process.pid}`);
  try {
    const results = await Promise.all(
      Object.entries(entryPoints()).map(([name, source]) => bundle(name, source, scratch)),
    );
    const outputs = results.map(({ metafile }) => metafile.outputs);
    if (process.argv.includes('--analyze'))
      await writeFile(path.join(dist, 'meta.json'), JSON.stringify({ outputs: Object.assign({}, ...outputs) }));
    await rename(scratch, target).catch((error) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function replaceFile(file, content, time) {
  const scratch = `${file}.${process.pid}`;
  await writeFile(scratch, content);
  if (time) await utimes(scratch, time, time);
  await rename(scratch, file);
}

async function main() {
  const startedAt = new Date();
  await mkdir(dist, { recursive: true });
  const id = await buildId();
  await makeBuild(id);
  // The package of `npm pack` holds the current build alone.
  await replaceFile(path.join(dist, '.npmignore'), `/*\n!/current\n!/${id}\n*.map\n`);
  // Dated to the start: a source saved during the build is newer than this, and the next run builds again.
  await replaceFile(path.join(dist, 'current'), `${id}\n`, startedAt);
  await pruneBuilds({ dist, current: id, keep: 3 });
  if (!process.argv.includes('--quiet')) console.error(`built ${id} in ${Date.now() - startedAt.getTime()} ms`);
}

await main().catch((error) => {
  // The bundler has already named the fault and its file.
  if (!Array.isArray(error.errors)) console.error(error);
  process.exitCode = 1;
});
