import { stripVTControlCharacters } from 'node:util';
import type { Outcome } from './command.ts';
import type { Progress } from './progress.ts';

export interface Tally {
  passed: number;
  /** Number of failures: also of tests that were skipped, broken off, or that left processes running. */
  failed: number;
  /** One line. */
  note: string;
  /** The failed tests, with the reason of each. */
  failures: string[];
}

const FAILURE_LENGTH = 600;
const TEST_RUNNER_FRAME = /^\s+at .*(node_modules|node:internal|new Promise)/;

/** The beginning of a failure's reason, without the frames of the test runner. */
function beginning(message: string, root: string): string {
  const lines = stripVTControlCharacters(message).replaceAll(`${root}/`, '').split('\n');
  const own = lines.filter((line) => !TEST_RUNNER_FRAME.test(line));
  return own.join('\n').slice(0, FAILURE_LENGTH).replaceAll(/^/gm, '  ');
}

/**
 * The outcome of a run of vitest, also of one that was broken off: passed tests, failed tests, and those under way.
 * @param root what is left out of file names in messages
 * @param now ms since the epoch: when it ended
 */
export function tallyOf(outcome: Outcome, progress: readonly Progress[], root: string, now: number): Tally {
  const of = <Is extends Progress['is']>(is: Is): Extract<Progress, { is: Is }>[] =>
    progress.filter((one): one is Extract<Progress, { is: Is }> => one.is === is);
  const ended = of('ended');
  const count = (state: string): number => ended.filter((one) => one.state === state).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  const [over] = of('over');
  const isBrokenOff = outcome === 'over budget' || outcome === 'interrupted' || over === undefined;
  const tell = (where: string, why: readonly string[]): string => `${where}\n${beginning(why.join('\n'), root)}`;

  const running = isBrokenOff ? underWay(progress) : [];
  const failures = [
    ...ended.filter(({ state }) => state === 'failed').map(({ file, name, why }) => tell(`${file}: ${name}`, why)),
    ...of('file failed').map(({ file, why }) => tell(file, why)),
    ...(over === undefined || over.why.length === 0 ? [] : [tell('outside of the tests', over.why)]),
    ...running.map(({ file, name, at }) => `${file}: ${name}\n  ${outcome} after ${seconds(now - at)} of it`),
  ];
  const otherwise = isBrokenOff || (failed === 0 && (outcome !== 'ok' || passed === 0)) ? 1 : 0;
  const notes = [
    isBrokenOff && (over === undefined && !['over budget', 'interrupted'].includes(outcome) ? 'broken off' : outcome),
    `${passed} passed`,
    failed > 0 && `${failed} failed`,
    skipped > 0 && `${skipped} skipped, which counts as failed`,
    isBrokenOff && notRun(progress),
    running.length > 0 && `under way: ${running.map(({ file, name }) => `${file}: ${name}`).join('; ')}`,
    !isBrokenOff && otherwise > 0 && (outcome === 'ok' ? 'no test ran' : `${outcome} outside of a test`),
  ];
  return { passed, failed: failed + skipped + otherwise, note: notes.filter(Boolean).join(', '), failures };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Tests and hooks that began and did not end, oldest first. */
function underWay(progress: readonly Progress[]): Extract<Progress, { is: 'begun' }>[] {
  const running = new Map<string, Extract<Progress, { is: 'begun' }>>();
  for (const one of progress) {
    if (one.is === 'begun') running.set(`${one.file}\0${one.name}`, one);
    if (one.is === 'ended' || one.is === 'hook ended') running.delete(`${one.file}\0${one.name}`);
  }
  return [...running.values()];
}

function notRun(progress: readonly Progress[]): string | false {
  const planned = progress.flatMap((one) => (one.is === 'planned' ? one.files : []));
  if (planned.length === 0) return 'no test had begun';
  const collected = progress.filter((one) => one.is === 'collected');
  const tests = collected.reduce((sum, one) => sum + one.tests, 0);
  const ended = progress.filter((one) => one.is === 'ended').length;
  const files = planned.filter((file) => !collected.some((one) => one.file === file)).length;
  const parts = [tests > ended && `${tests - ended} tests`, files > 0 && `${files} files`].filter(Boolean);
  return parts.length > 0 && `not run to their end: ${parts.join(' and ')}`;
}
