import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { test as base, expect } from 'vitest';
import { isolatedEnvironment } from '../../support/environment.ts';
import { type Checkout, temporaryCheckout } from './checkout.ts';

const test = base
  .extend('environment', async ({}, { onCleanup }) => {
    const environment = await isolatedEnvironment();
    onCleanup(() => environment[Symbol.asyncDispose]());
    return environment;
  })
  .extend('checkout', ({ environment }) => temporaryCheckout(environment));

async function builds(checkout: Checkout): Promise<string[]> {
  return (await readdir(path.join(checkout.path, 'dist'))).filter((name) => /^[0-9a-f]{12}$/.test(name));
}

async function change(checkout: Checkout, n: number): Promise<string> {
  await checkout.write('src/version.ts', `export const version = ${n};`);
  return checkout.build();
}

test('the same sources give the same build, and a change gives another beside it', async ({ checkout }) => {
  const first = await checkout.build();
  const program = path.join(checkout.path, 'dist', first, 'cli.js');
  const before = await readFile(program, 'utf8');
  expect(await checkout.build()).toBe(first);
  await checkout.write('src/cli.ts', 'console.log("other")');
  expect(await checkout.build()).not.toBe(first);
  expect(await readFile(program, 'utf8')).toBe(before);
});

test('heavy modules that are imported late stay out of the program itself', async ({ checkout }) => {
  await checkout.write('src/heavy.ts', `export const heavy = ${JSON.stringify('heavy '.repeat(2000))};`);
  await checkout.write('src/cli.ts', 'if (process.argv[2]) console.log((await import("./heavy.ts")).heavy.length);');
  const id = await checkout.build();
  const program = await readFile(path.join(checkout.path, 'dist', id, 'cli.js'), 'utf8');
  expect(program.length).toBeLessThan(2_000);
  expect((await checkout.run('scripts/swarm', ['x'])).stdout).toBe('12000');
});

test('a command opens few files, whichever modules its verb shares with others', async ({ checkout }) => {
  const module = (name: string) => `export const ${name} = (): string => process.title.length > 0 ? '${name}' : '';`;
  for (const name of ['a', 'b', 'c', 'shared']) await checkout.write(`src/${name}.ts`, module(name));
  const verbs: Record<string, string[]> = {
    x: ['a'],
    y: ['b', 'shared'],
    z: ['a', 'c', 'shared'],
    w: ['shared'],
    v: ['shared', 'b'],
  };
  for (const [verb, uses] of Object.entries(verbs)) {
    const imports = uses.map((name) => `import { ${name} } from '../${name}.ts';`).join('\n');
    await checkout.write(
      `src/cli/${verb}.ts`,
      `${imports}\nexport const say = () => [${uses.map((name) => `${name}()`).join()}].join();`,
    );
  }
  const table = Object.keys(verbs)
    .map((verb) => `${verb}: () => import('./${verb}.ts')`)
    .join();
  await checkout.write(
    'src/cli/program.ts',
    `import { a } from '../a.ts';
    import { b } from '../b.ts';
    import { c } from '../c.ts';
    const verbs = { ${table} };
    export const run = async (verb) => console.log(a(), b(), c(), (await verbs[verb]()).say());`,
  );
  await checkout.write('src/cli.ts', `import { run } from './cli/program.ts'; await run(process.argv[2]);`);
  const files = await readdir(path.join(checkout.path, 'dist', await checkout.build()));
  // One of all that is loaded first, and one for each verb.
  expect(files.filter((file) => /^chunk-.*\.js$/.test(file))).toHaveLength(1 + Object.keys(verbs).length);
  for (const [verb, uses] of Object.entries(verbs))
    expect((await checkout.run('scripts/swarm', [verb])).stdout).toBe(`a b c ${uses.join()}`);
});

test('two builds at the same moment both succeed and leave no scratch files', async ({ checkout }) => {
  const ids = await Promise.all([checkout.build(), checkout.build(), checkout.build()]);
  expect(new Set(ids).size).toBe(1);
  const left = await readdir(path.join(checkout.path, 'dist'));
  expect(left.toSorted()).toEqual(['.npmignore', ids[0], 'current'].toSorted());
});

test('the last three builds are kept, and an older one as long as a process was started from it', async ({
  checkout,
}) => {
  const first = await checkout.build();
  const program = path.join(checkout.path, 'dist', first, 'cli.js');
  const child = spawn(process.execPath, [program, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const later: string[] = [];
    for (const n of [1, 2, 3]) later.push(await change(checkout, n));
    expect((await builds(checkout)).toSorted()).toEqual([first, ...later].toSorted());
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const last = await change(checkout, 4);
  expect(await builds(checkout)).toContain(last);
  expect(await builds(checkout)).toHaveLength(3);
  expect(await builds(checkout)).not.toContain(first);
});
