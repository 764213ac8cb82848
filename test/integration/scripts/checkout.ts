import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { type IsolatedEnvironment, repositoryRoot } from '../../support/environment.ts';

const PROGRAMS = ['src/cli.ts', 'src/supervisor/main.ts', 'src/wrapper/main.ts', 'src/demo/main.ts'];
/** Prints everything that a launcher could get wrong. */
const REPORT = `
const { pid, argv, execPath, version } = process;
if (argv[2] === 'exit') process.exit(Number(argv[3]));
if (argv[2] === 'wait') {
  process.on('SIGTERM', () => process.exit(44));
  process.stdout.write('waiting\\n');
  setInterval(() => {}, 1000);
} else {
  console.log(JSON.stringify({ pid, args: argv.slice(2), execPath, version, cwd: process.cwd(), build: import.meta.dirname }));
}
`;

export interface Report {
  pid: number;
  args: string[];
  execPath: string;
  version: string;
  cwd: string;
  build: string;
}

export interface Checkout {
  path: string;
  write(file: string, content: string): Promise<void>;
  /** Runs a program of the checkout in the environment; never rejects for its exit code. */
  run(
    program: string,
    args?: readonly string[],
    options?: { cwd?: string; variables?: Record<string, string> },
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>;
  build(): Promise<string>;
}

/** A checkout of swarm with tiny programs in place of the real ones, its packages installed. */
export async function temporaryCheckout(environment: IsolatedEnvironment): Promise<Checkout> {
  const root = path.join(environment.directory, 'swarm');
  const write = async (file: string, content: string) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  };
  for (const name of ['scripts', 'bin', 'package.json', 'package-lock.json', 'tsconfig.json', '.gitignore']) {
    await cp(path.join(repositoryRoot, name), path.join(root, name), { recursive: true });
  }
  for (const program of PROGRAMS) await write(program, REPORT);
  // Links one by one, with the stamp of a finished npm ci: no test here may ever touch the real node_modules.
  await mkdir(path.join(root, 'node_modules'));
  for (const name of ['esbuild', '@esbuild', 'node']) {
    await symlink(path.join(repositoryRoot, 'node_modules', name), path.join(root, 'node_modules', name));
  }
  await cp(path.join(root, 'package-lock.json'), path.join(root, 'node_modules/.swarm-lock'));

  const run: Checkout['run'] = async (program, args = [], options = {}) => {
    const { exitCode, stdout, stderr } = await execa(path.resolve(root, program), args, {
      cwd: options.cwd ?? environment.directory,
      env: { ...environment.variables, ...options.variables },
      extendEnv: false,
      input: '',
      reject: false,
      timeout: 50_000,
    });
    return { exitCode, stdout, stderr };
  };
  const build = async () => {
    const { exitCode, stderr } = await run(process.execPath, [path.join(root, 'scripts/build.mjs')]);
    if (exitCode !== 0) throw new Error(stderr);
    const id = /built ([0-9a-f]{12})/.exec(stderr)?.[1];
    if (id === undefined) throw new Error(`no build id in: ${stderr}`);
    return id;
  };
  return { path: root, write, run, build };
}
