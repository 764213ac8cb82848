import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** Variable that names the file for `ProgressReporter`, for vitest. */
export const PROGRESS_FILE = 'SWARM_TEST_PROGRESS';

/**
 * A line of that file: a fact about a run as soon as it is known, so that a run which is cut off can be reported, too.
 */
export type Progress =
  | { is: 'planned'; files: string[] }
  /** The file has been read, and has so many tests that are to run. */
  | { is: 'collected'; file: string; tests: number }
  /** A test, or a hook of a file or a `describe`; `at`: ms since the epoch. */
  | { is: 'begun'; file: string; name: string; at: number }
  | { is: 'hook ended'; file: string; name: string }
  | { is: 'ended'; file: string; name: string; state: 'passed' | 'failed' | 'skipped'; why: string[] }
  /** It failed outside of any test: it cannot be read, or one of its hooks failed. */
  | { is: 'file failed'; file: string; why: string[] }
  | { is: 'over'; reason: 'passed' | 'failed' | 'interrupted'; why: string[] };

/** Empty where vitest never wrote. */
export function readProgress(file: string): Progress[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line) as Progress);
}

const messageOf = ({ message, stack }: { message: string; stack?: string | undefined }): string => stack ?? message;

/** Given to vitest by path (`--reporter=…/progress.ts`). */
export default class ProgressReporter implements Reporter {
  readonly #file = process.env[PROGRESS_FILE] ?? '';
  #root = '';
  /** With `-t` the other tests are not skipped ones: they are not wanted. */
  #wanted: RegExp | undefined;

  onInit({ config }: Vitest): void {
    this.#root = config.root;
    this.#wanted = config.testNamePattern;
  }

  onTestRunStart(specifications: readonly { moduleId: string }[]): void {
    this.#write({ is: 'planned', files: specifications.map(({ moduleId }) => path.relative(this.#root, moduleId)) });
  }

  onTestModuleCollected(module: TestModule): void {
    const tests = [...module.children.allTests()].filter((test) => this.#isWanted(test)).length;
    this.#write({ is: 'collected', file: this.#fileOf(module), tests });
  }

  onTestCaseReady(test: TestCase): void {
    if (this.#isWanted(test))
      this.#write({ is: 'begun', file: this.#fileOf(test.module), name: test.fullName, at: Date.now() });
  }

  onTestCaseResult(test: TestCase): void {
    if (!this.#isWanted(test)) return;
    const { state, errors = [] } = test.result();
    if (state === 'pending') return;
    const [file, name] = [this.#fileOf(test.module), test.fullName];
    this.#write({ is: 'ended', file, name, state, why: errors.map(messageOf) });
  }

  onHookStart({ name: hook, entity }: Parameters<NonNullable<Reporter['onHookStart']>>[0]): void {
    // The hooks of a test are part of it.
    if (entity.type === 'test') return;
    this.#write({ is: 'begun', ...this.#hookOf(entity, hook), at: Date.now() });
  }

  onHookEnd({ name: hook, entity }: Parameters<NonNullable<Reporter['onHookEnd']>>[0]): void {
    if (entity.type !== 'test') this.#write({ is: 'hook ended', ...this.#hookOf(entity, hook) });
  }

  onTestSuiteResult(suite: TestSuite): void {
    this.#noteErrors(suite);
  }

  onTestModuleEnd(module: TestModule): void {
    this.#noteErrors(module);
  }

  onTestRunEnd(
    _modules: readonly TestModule[],
    errors: readonly { message: string }[],
    reason: 'passed' | 'failed' | 'interrupted',
  ): void {
    this.#write({ is: 'over', reason, why: errors.map(messageOf) });
  }

  #isWanted(test: TestCase): boolean {
    return this.#wanted === undefined || this.#wanted.test(test.fullName.replaceAll(' > ', ' '));
  }

  #noteErrors(entity: TestSuite | TestModule): void {
    const why = entity.errors().map(messageOf);
    if (why.length > 0) this.#write({ is: 'file failed', file: this.#fileOf(entity), why });
  }

  #hookOf(entity: TestSuite | TestModule, hook: string): { file: string; name: string } {
    const name = entity.type === 'module' ? hook : `${entity.fullName} > ${hook}`;
    return { file: this.#fileOf(entity), name };
  }

  #fileOf(entity: TestSuite | TestModule): string {
    const { moduleId } = entity.type === 'module' ? entity : entity.module;
    return path.relative(this.#root, moduleId);
  }

  #write(progress: Progress): void {
    appendFileSync(this.#file, `${JSON.stringify(progress)}\n`);
  }
}
