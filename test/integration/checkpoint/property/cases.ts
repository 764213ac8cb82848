import { existsSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CheckpointStore } from '../../../../src/checkpoint/store.ts';
import { makeWorld } from '../world.ts';
import { observe } from './observer.ts';
import type { Observed } from './observer.ts';
import { ENDINGS } from './endings.ts';
import { BAD_INPUT, FEATURES, underWay } from './operations.ts';
import type { Operation, Place } from './operations.ts';
import { Random } from './random.ts';
import { same } from './same.ts';

const MAX_FILE_BYTES = 200_000;
const CASES_OF_A_WORLD = 8;
const LOCK = 'index.lock held';
const GIVEN_UP = 'operation given up';
const ALL = Object.entries({ ...FEATURES, ...BAD_INPUT });

/** In memory where there is such a place: what is tested is not the disk. */
export const parent = existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();

export interface Outcome {
  /** How many cases each feature and each bad input took part in. */
  coverage: Map<string, number>;
  cases: number;
}

/** Random edits, checkpoints and rollbacks in one worktree; throws with the seed at the first difference. */
export async function runWorld(seed: number, cases: number, outcome: Outcome): Promise<void> {
  const random = new Random(seed);
  using world = await makeWorld({ parent, files: startFiles() });
  const settings = configure(world, random);
  const gitDir = world.git('rev-parse', '--absolute-git-dir');
  const store = new CheckpointStore(world.store.place, { maxFileBytes: MAX_FILE_BYTES });
  const place: Place = { ...world, random, gitDir, beside: [] };
  const kept: { n: number; was: Observed }[] = [];
  const count = Math.min(cases, CASES_OF_A_WORLD);
  for (let at = 0; at < count; at += 1) {
    const met = new Set<string>(settings);
    const story: string[] = [];
    try {
      edit(place, met, story);
      const before = observe(world);
      const { n } = await store.capture({ reason: `case ${at}` });
      await Promise.all(place.beside.splice(0));
      rmSync(path.join(gitDir, 'index.lock'), { force: true });
      same(observe(world), before, 'a capture changes nothing');
      kept.push({ n, was: before });
      story.push(`checkpoint ${n}`);
      if (at === count - 1 && random.chance(0.9)) {
        const [name, run] = random.pick(Object.entries(ENDINGS));
        story.push(name);
        met.add(name);
        await run(place, store);
        tally(outcome, met);
        continue;
      }
      edit(place, met, story);
      await Promise.all(place.beside.splice(0));
      rmSync(path.join(gitDir, 'index.lock'), { force: true });
      const target = random.pick(kept);
      const wrecked = observe(world);
      story.push(`rollback to ${target.n}`);
      const { safety } = await store.rollback(target.n);
      const now = observe(world);
      same({ ...now, untouched: [] }, { ...target.was, untouched: [] }, `rollback to ${target.n}`);
      same(now.untouched, wrecked.untouched, 'what a rollback must not touch');
      if (random.chance(0.35)) {
        story.push(`undo to ${safety}`);
        await store.rollback(safety);
        same({ ...observe(world), untouched: [] }, { ...wrecked, untouched: [] }, 'the rollback undone');
      }
    } catch (error) {
      throw new Error(`seed ${seed}, case ${at}: ${story.join(' → ')}\n${String(error)}`, { cause: error });
    }
    tally(outcome, met);
  }
}

function tally(outcome: Outcome, met: ReadonlySet<string>): void {
  for (const name of met) outcome.coverage.set(name, (outcome.coverage.get(name) ?? 0) + 1);
  outcome.cases += 1;
}

function startFiles(): Record<string, string> {
  return {
    '.gitignore': 'ignored/\n',
    '.gitattributes': '* text=auto\n*.crlf text eol=crlf\n*.up filter=up\n*.bin binary\n',
    'readme.txt': 'hello\n',
    'dir/a.txt': 'a\n',
    'dir/deep/b.txt': 'b\n',
    'tool.sh': '#!/bin/sh\n',
    'conflict.txt': 'base\n',
  };
}

function configure(world: { git(...args: string[]): string }, random: Random): string[] {
  world.git('config', 'filter.up.clean', 'tr A-Z a-z');
  world.git('config', 'filter.up.smudge', 'tr a-z A-Z');
  const settings: string[] = [];
  if (random.chance(0.3)) {
    world.git('config', 'core.autocrlf', 'true');
    settings.push('core.autocrlf');
  }
  if (random.chance(0.2)) {
    world.git('sparse-checkout', 'set', 'dir');
    settings.push('sparse checkout');
  }
  return settings;
}

function edit(place: Place, met: Set<string>, story: string[]): void {
  const count = 2 + place.random.below(5);
  for (let at = 0; at < count; at += 1) {
    const [name, run] = next(place, at === count - 1);
    if (!done(run, place)) continue;
    met.add(name);
    story.push(name);
  }
}

/** What the state of the worktree often forbids is tried more often, so that each comes up. */
const OFTEN_FORBIDDEN = [
  'unfinished merge',
  'unfinished rebase',
  'unfinished cherry-pick',
  'unfinished revert',
  'a commit',
  'everything staged',
  'the branch deleted by hand',
];
const SELDOM = ALL.filter(([name]) => OFTEN_FORBIDDEN.includes(name));

/** All others are as likely, but for two that hold back those that come later. */
function next(place: Place, last: boolean): readonly [string, Operation] {
  // A lock that another git holds keeps every later edit by git out: it comes last.
  if (last && place.random.chance(0.08)) return [LOCK, BAD_INPUT[LOCK] ?? (() => false)];
  if (underWay(place) && place.random.chance(0.15)) return [GIVEN_UP, FEATURES[GIVEN_UP] ?? (() => false)];
  if (place.random.chance(0.2)) return place.random.pick(SELDOM);
  return place.random.pick(ALL.filter(([name]) => name !== LOCK));
}

/** An edit that the state of the worktree forbids (a directory where a file lies) is not made, and does not count. */
function done(run: Operation, place: Place): boolean {
  try {
    return run(place) !== false;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOENT', 'ELOOP'].includes(code)) return false;
    throw error;
  }
}

export function coverageTable({ coverage, cases }: Outcome): string {
  const names = [...ALL.map(([name]) => name), 'core.autocrlf', 'sparse checkout', ...Object.keys(ENDINGS)];
  const rows = names.map((name) => `${String(coverage.get(name) ?? 0).padStart(6)}  ${name}`);
  return `${cases} cases\n${rows.join('\n')}`;
}
