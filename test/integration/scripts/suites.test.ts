import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { isRunning } from '../../../src/lib/running.ts';
import { isolatedEnvironment, repositoryRoot, type IsolatedEnvironment } from '../../support/environment.ts';
import { RUN_DIRECTORY } from '../../support/run-directory.ts';

/** Both live in a session of their own; the second one names only its working directory, like RabbitMQ. */
const LEAVE_PROCESSES = `
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
export function leaveProcesses(place) {
  const own = mkdtempSync(tmpdir() + '/own-');
  for (const [name, env] of [['inherits', process.env], ['knows', { PATH: process.env.PATH, HOME: own }]]) {
    const child = spawn('sh', ['-c', 'trap "" TERM; while :; do sleep 1; done'], { detached: true, stdio: 'ignore', env });
    child.unref();
    writeFileSync(place + '/' + name, String(child.pid));
  }
}
`;
const RUN_ALL = path.join(repositoryRoot, 'scripts/suites/run-all.ts');
const FILES = {
  'driver.mjs': `
import { runAll } from '${RUN_ALL}';
process.exitCode = await runAll(JSON.parse(process.argv[2]), process.cwd(), { under: 'Claude Code 9.9.9' });
`,
  'vitest.config.mjs': `export default { test: { pool: 'forks', maxWorkers: 3, include: ['*.test.mjs'], testTimeout: 600_000 } };`,
  'leave.mjs': LEAVE_PROCESSES,
  'good.test.mjs': `import { test } from 'vitest'; test('is good', () => {}); test('is good, too', () => {});`,
  'bad.test.mjs': `import { expect, test } from 'vitest'; test('is bad', () => expect('the left').toBe('the right'));`,
  'hang.test.mjs': `
import { test } from 'vitest';
import { leaveProcesses } from './leave.mjs';
test('comes to its end', () => {});
test('never ends', async () => { leaveProcesses(import.meta.dirname); await new Promise(() => {}); });
test('never begins', () => {});
`,
  'leak.test.mjs': `
import { test } from 'vitest';
import { leaveProcesses } from './leave.mjs';
test('leaves something', () => leaveProcesses(import.meta.dirname));
`,
};

/** On a busy machine no test may have begun by then. */
const BUDGET_SECONDS = 12;

interface Run {
  child: ChildProcess;
  /** Its output, once it has ended. */
  output: Promise<string>;
  exitCode: Promise<unknown>;
}

class Project implements AsyncDisposable {
  static async open(): Promise<Project> {
    const environment = await isolatedEnvironment();
    const place = path.join(environment.directory, 'project');
    await mkdir(place);
    await symlink(path.join(repositoryRoot, 'node_modules'), path.join(place, 'node_modules'));
    for (const [name, content] of Object.entries(FILES)) await writeFile(path.join(place, name), content);
    return new Project(environment, place);
  }

  readonly #environment: IsolatedEnvironment;
  readonly #place: string;
  private constructor(environment: IsolatedEnvironment, place: string) {
    this.#environment = environment;
    this.#place = place;
  }

  /** Runs vitest with these files as a suite of that budget. */
  runSuite(budgetSeconds: number, ...files: string[]): Run {
    const vitest = path.join(repositoryRoot, 'node_modules/vitest/vitest.mjs');
    const reporter = `--reporter=${path.join(repositoryRoot, 'scripts/suites/progress.ts')}`;
    const argv = [process.execPath, vitest, 'run', reporter, ...files];
    const steps = [{ name: 'tried', argv, budgetSeconds, progress: path.join(this.#place, 'progress.jsonl') }];
    const child = spawn(process.execPath, ['driver.mjs', JSON.stringify(steps)], {
      cwd: this.#place,
      env: { ...this.#environment.variables, [RUN_DIRECTORY]: this.#environment.directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return { child, output: text(child.stdout), exitCode: once(child, 'exit').then(([code]) => code as unknown) };
  }

  read(name: string): string {
    const file = path.join(this.#place, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Neither a process of a test nor the directory of the run is left. */
  expectNothingLeft(): void {
    const begun = ['inherits', 'knows'].map((name) => this.read(name)).filter(Boolean);
    expect(begun.map(Number).filter(isRunning)).toEqual([]);
    expect(readdirSync(this.#environment.directory).filter((name) => name.startsWith('sw-'))).toEqual([]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#environment[Symbol.asyncDispose]();
  }
}

describe.concurrent('a suite', () => {
  test('over its budget ends, says so, and leaves nothing alive', async () => {
    await using project = await Project.open();
    const { output, exitCode } = project.runSuite(BUDGET_SECONDS, 'good.test.mjs', 'hang.test.mjs');
    expect(await output).toMatch(/== FAILED tried .* s of 12 s {2}over budget, .*; ended with it: \d+ processes/);
    expect(await exitCode).toBe(1);
    project.expectNothingLeft();
  });

  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'that %s ends says what passed, what failed and what it hung in, and leaves nothing alive',
    async ([signal, expected], { expect }) => {
      await using project = await Project.open();
      const { child, output, exitCode } = project.runSuite(90, 'good.test.mjs', 'bad.test.mjs', 'hang.test.mjs');
      const known = (): string => project.read('progress.jsonl');
      for (const text of ['"never ends"', '"is good, too","state"', '"is bad","state"'])
        await expect.poll(known).toContain(text);
      await expect.poll(() => project.read('knows')).not.toBe('');
      child.kill(signal);
      const said = await output;
      expect(said).toMatch(
        /interrupted, 3 passed, 1 failed, not run to their end: 2 tests, under way: hang\.test\.mjs: never/,
      );
      expect(said).toMatch(/bad\.test\.mjs: is bad\n {2}AssertionError: expected 'the left' to be 'the right'/);
      expect(said).toMatch(/hang\.test\.mjs: never ends\n {2}interrupted after \d+\.\d s of it/);
      expect(said).toMatch(/3 passed, 2 failed with Claude Code 9\.9\.9\n$/);
      expect(await exitCode).toBe(expected);
      project.expectNothingLeft();
    },
  );

  test('of good tests fails by what they leave alive, which is ended', async () => {
    await using project = await Project.open();
    const { output, exitCode } = project.runSuite(60, 'leak.test.mjs');
    const said = await output;
    expect(said).toMatch(/== FAILED tried .* 1 passed, [234] processes left behind/);
    expect(said).toMatch(/tried: these outlived the tests\n {2}\S/);
    expect(await exitCode).toBe(1);
    expect(project.read('knows')).not.toBe('');
    project.expectNothingLeft();
  });

  test('of good tests is good', async () => {
    await using project = await Project.open();
    const { output, exitCode } = project.runSuite(60, 'good.test.mjs');
    expect(await output).toMatch(/== ok {5}tried .* 2 passed\n/);
    expect(await exitCode).toBe(0);
  });
});
