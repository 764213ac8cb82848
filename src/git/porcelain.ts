import { getSystemErrorName } from 'node:util';
import type { SimpleGit, SimpleGitOptions } from 'simple-git';
import { pause, systemClock, timeLimit } from '../lib/clock.ts';
import { ALWAYS, gitEnvironment } from './environment.ts';
import type { GitError, GitErrorFacts } from './errors.ts';
import { failed, notStarted, stopped } from './failure.ts';
import { countSpawn, DEFAULT_TIMEOUT_MS, type GitOptions } from './git.ts';
import { worktreeExcludes } from './own-excludes.ts';

export type PorcelainOptions = Pick<GitOptions, 'cwd' | 'env' | 'signal' | 'timeoutMs'>;

const END_MS = 2_000;

/**
 * Runs the git commands that people type in their own repository and whose answer is text: branches, the list of
 * worktrees, the status of a checkout, diffs, merges, fetch and push. All other calls go through `runGit`.
 *
 * Environment, configuration and errors are those of `runGit`. Aborted, git gets SIGINT; its child processes end when
 * they notice. Not for the start of a verb: the library takes 10 ms to load.
 * @throws GitError
 */
export async function porcelain<T>(options: PorcelainOptions, work: (git: SimpleGit) => Promise<T>): Promise<T> {
  const { cwd, signal } = options;
  const facts: GitErrorFacts = { args: [], cwd, exitCode: null, signal: null, stderr: '' };
  if (signal?.aborted === true) throw stopped('git-aborted', facts, signal.reason);
  const { GitConstructError, simpleGit } = await import('simple-git');
  const deadline = timeLimit(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const abort = AbortSignal.any([signal, deadline].filter((one) => one !== undefined));
  const ended = (): GitError =>
    abort.reason === deadline.reason ? stopped('git-timeout', facts) : stopped('git-aborted', facts, abort.reason);
  // The library passes on only the texts of errors.
  let failure: GitError | undefined;
  const tell = (error: GitError): Error => (failure = error);
  const done = new AbortController();
  try {
    const environment = gitEnvironment(process.env, options.env);
    const git = simpleGit({
      ...settingsOf(cwd, environment),
      abort,
      errors: (error, { exitCode, stdErr }) => {
        if (exitCode === 0 && error === undefined) return undefined;
        if (abort.aborted) return tell(ended());
        // The system's error where no process was started; null where a signal ended it.
        if (exitCode < 0) return tell(notStarted(facts, { code: getSystemErrorName(exitCode) }));
        return tell(failed({ ...facts, exitCode, stderr: Buffer.concat(stdErr).toString() }));
      },
    });
    git.env(environment).outputHandler((_program, _stdout, _stderr, args) => {
      countSpawn();
      facts.args = args;
    });
    return await Promise.race([work(git), untilGivenUp(abort, done.signal)]);
  } catch (error) {
    if (failure !== undefined) throw failure;
    if (abort.aborted) throw ended();
    throw notStarted(facts, error instanceof GitConstructError ? { code: 'ENOENT' } : error);
  } finally {
    done.abort();
  }
}

function settingsOf(cwd: string, environment: Readonly<Record<string, string>>): Partial<SimpleGitOptions> {
  const excludes = worktreeExcludes(cwd);
  return {
    baseDir: cwd,
    config: [
      ...ALWAYS.filter((word) => word !== '-c'),
      ...(excludes === null ? [] : [`core.excludesFile=${excludes}`]),
    ],
    // Else the library would remove every variable that begins with GIT_, the person's GIT_SSH_COMMAND too.
    allowEnvironment: Object.keys(environment),
    unsafe: TRUSTED,
    // When the process has ended, its last output may still be on its way.
    completion: { onClose: true, onExit: false },
  };
}

type Guards = Omit<
  Required<NonNullable<SimpleGitOptions['unsafe']>>,
  'allowUnsafeCustomBinary' | 'allowAbbreviatedOptions'
>;

/**
 * Turns the library's guards off. They are for programs that pass on words of strangers; here swarm writes the words,
 * and the environment, which they check as well, is the person's.
 */
const TRUSTED: Guards = {
  allowUnsafeAlias: true,
  allowUnsafeAskPass: true,
  allowUnsafeCommandBinaries: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeEditor: true,
  allowUnsafeMergeDriver: true,
  allowUnsafePager: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafePack: true,
  allowUnsafeSshCommand: true,
  allowUnsafeGitProxy: true,
  allowUnsafeExec: true,
  allowUnsafeHooksPath: true,
  allowUnsafeDiffExternal: true,
  allowUnsafeDiffTextConv: true,
  allowUnsafeFilter: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeGpgProgram: true,
  allowUnsafeTemplateDir: true,
  allowUnsafeInclude: true,
  allowUnsafeSubmodule: true,
  allowUnsafeUrlRewrite: true,
};

/** Rejects a while after the abort: child processes of git may hold its output open. */
function untilGivenUp(abort: AbortSignal, done: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = (): void => void pause(systemClock, END_MS, done).then(() => reject(abort.reason as Error));
    abort.addEventListener('abort', giveUp, { once: true, signal: done });
  });
}
