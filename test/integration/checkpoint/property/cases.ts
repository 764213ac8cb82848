import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { CheckpointStore } from '../../../../src/checkpoint/store.ts';
import { makeWorld } from '../world.ts';
import { CAPTURES, nothing, ROLLBACKS } from './acts.ts';
import type { Stage, Tried } from './acts.ts';
import { shared } from './disk.ts';
import { ENDINGS } from './endings.ts';
import { observe, readRefs } from './observer.ts';
import type { Observed } from './observer.ts';
import { BAD_INPUT, FEATURES, underWay } from './operations.ts';
import type { Operation, Place } from './operations.ts';
import { Random } from './random.ts';
import { differenceOf, rolledBack, same } from './same.ts';
import { CASES_OF_A_WORLD, FORMAT_ROWS, formatsOf, hasManyFiles, prepare, startFiles } from './start.ts';

const MAX_FILE_BYTES = 200_000;
export const parent = shared();
/** Cases of a world of a hundred thousand files, every fourth of them with a rollback. */
export const MANY_CASES = 10;
const MANY_BETWEEN_ROLLBACKS = 4;
/** Of four worlds so many end by bad input that a world does not survive. */
const ENDED_OF_FOUR = 2;
const GIVEN_UP = 'operation given up';
const ALL = Object.entries({ ...FEATURES, ...BAD_INPUT });

export interface Outcome {
  /** The number of cases with each feature and each bad input. */
  coverage: Map<string, number>;
  cases: number;
}

/** One world: its random edits, and the facts about each of its checkpoints. */
interface Run extends Stage {
  kept: { n: number; was: Observed }[];
  /** Every checkpoint that was ever made; none may be lost. */
  commits: Map<string, string>;
  many: boolean;
}

/** Makes random edits, checkpoints and rollbacks in one worktree; throws with the seed at the first difference. */
export async function runWorld(
  seed: number,
  cases: number,
  outcome: Outcome,
  { disk, victim }: Pick<Stage, 'disk' | 'victim'>,
): Promise<void> {
  const random = new Random(seed);
  const many = hasManyFiles(seed);
  using world = await makeWorld({ parent: disk?.root ?? parent, files: startFiles(), ...formatsOf(seed) });
  const settings = prepare(world, seed);
  const gitDir = world.git('rev-parse', '--absolute-git-dir');
  const limits = { maxFileBytes: MAX_FILE_BYTES };
  const store = new CheckpointStore(world.store.place, limits);
  const place: Place = { ...world, random, gitDir, beside: [] };
  const run: Run = { place, store, limits, disk, victim, story: [], kept: [], commits: new Map(), many };
  const count = Math.min(cases, many ? MANY_CASES : CASES_OF_A_WORLD);
  for (let at = 0; at < count; at += 1) {
    const met = new Set<string>(settings);
    run.story = [];
    // Worlds of one run have consecutive seeds: lists that are used in turn go on from world to world.
    const turn = seed * CASES_OF_A_WORLD + at;
    try {
      await checkpointCase(run, turn, met);
      if (at === count - 1 && !many && seed % 4 < ENDED_OF_FOUR) await end(run, met);
      else if (!many || at % MANY_BETWEEN_ROLLBACKS === 1) await rollbackCase(run, turn, met);
    } catch (error) {
      throw new Error(`seed ${seed}, case ${at}: ${run.story.join(' → ')}\n${String(error)}`, { cause: error });
    }
    for (const name of met) outcome.coverage.set(name, (outcome.coverage.get(name) ?? 0) + 1);
    outcome.cases += 1;
  }
}

/** Makes edits, and a checkpoint of them, with a mishap. */
async function checkpointCase(run: Run, turn: number, met: Set<string>): Promise<void> {
  const { place, story, store } = run;
  edit(run, turn, met);
  const before = observe(place);
  const [name, act] = inTurn(run, CAPTURES, turn);
  story.push(name);
  const tried = await act(run, null);
  if (tried?.befell === true) met.add(name);
  if (tried !== null && tried.error !== null) story.push(tried.error);
  const { n, warnings } = await store.capture({ reason: `turn ${turn}` });
  story.push(`checkpoint ${n}`);
  await Promise.all(place.beside.splice(0));
  same(observe(place), before, 'a capture changes nothing');
  mentioned(before, warnings);
  noneMissing(run);
  run.kept.push({ n, was: before });
}

/** Makes more edits, and a rollback to any checkpoint, with a mishap; half of the time the way back, too. */
async function rollbackCase(run: Run, turn: number, met: Set<string>): Promise<void> {
  const { place, story, store, kept } = run;
  edit(run, turn + CASES_OF_A_WORLD, met);
  await Promise.all(place.beside.splice(0));
  const target = place.random.pick(kept);
  const wrecked = await openWhatIsInTheWay(run, target);
  const newest = (await store.head())?.n ?? 0;
  const [name, act] = inTurn(run, ROLLBACKS, turn);
  story.push(`${name} ${target.n}`);
  const tried = await act(run, target.n);
  if (tried?.befell === true) met.add(name);
  let safety = await settled(run, tried, newest);
  let now = observe(place);
  if (safety === null || isSame(now, wrecked)) {
    story.push('as before, then again');
    ({ safety } = await store.rollback(target.n));
    now = observe(place);
  }
  compare(rolledBack(now, wrecked, target.was), `rollback to ${target.n}`);
  noneMissing(run);
  if (run.many || !place.random.chance(0.35)) return;
  story.push(`undo to ${safety}`);
  await store.rollback(safety);
  compare(rolledBack(observe(place), now, wrecked), 'the rollback undone');
}

/**
 * Recovers from a rollback that was not done, as the next start does.
 * @returns the checkpoint of the files before; null when there is none yet
 */
async function settled({ place, story }: Run, tried: Tried | null, newest: number): Promise<number | null> {
  if (tried === null) return null;
  if (tried.error === null) return tried.safety;
  story.push(tried.error);
  const recovered = await new CheckpointStore(place.store.place, { maxFileBytes: MAX_FILE_BYTES }).recover();
  story.push(`recovered: ${recovered?.outcome ?? 'nothing to do'}`);
  if (recovered !== null && recovered.safety > 0) return recovered.safety;
  // Done but for its answer: the first checkpoint since then is that of the files before, unless those equalled the
  // newest.
  return (await place.store.list()).find(({ n }) => n > newest)?.n ?? newest;
}

/** The mishap that is next in turn. Among a hundred thousand files each takes seconds, and there is none. */
function inTurn({ many }: Run, acts: typeof CAPTURES, turn: number): (typeof CAPTURES)[number] {
  const fit = many ? acts.filter(([, act]) => act === nothing) : acts;
  return fit[turn % fit.length] ?? assert.fail();
}

const isSame = (a: Observed, b: Observed): boolean => differenceOf(a, b) === null;

function compare({ found, expected }: { found: unknown; expected: unknown }, what: string): void {
  same(found, expected, what);
}

function noneMissing({ place, commits }: Run): void {
  const { gitCommonDir, agent } = place.store.place;
  const refs = readRefs(gitCommonDir);
  for (const [ref, commit] of commits) assert.equal(refs.get(ref), commit, `${ref} is still there`);
  for (const [ref, commit] of refs) if (ref.startsWith(`refs/swarm/checkpoints/${agent}/`)) commits.set(ref, commit);
}

/** A checkpoint names the files that it does not hold. */
function mentioned({ untouched, closed }: Observed, warnings: readonly string[]): void {
  const leftOut = [...untouched.flatMap((line) => /^(huge\S*|nested-bare) /.exec(line)?.[1] ?? []), ...closed.keys()];
  for (const name of leftOut)
    assert.ok(
      warnings.some((text) => text.includes(name)),
      `${name} is left out, and named: ${warnings.join('; ')}`,
    );
}

/**
 * A file that cannot be read, and so is in no checkpoint, is not overwritten: the rollback names it, and changes
 * nothing.
 */
async function openWhatIsInTheWay({ place, story, store }: Run, { n, was }: Run['kept'][number]): Promise<Observed> {
  const before = observe(place);
  const held = new Set(was.files.map((line) => line.split(' ')[0] ?? ''));
  const inTheWay = [...before.closed.keys()].filter((name) => held.has(name) && !was.closed.has(name));
  if (inTheWay.length === 0) return before;
  await assert.rejects(store.rollback(n), { code: 'unreadable-file' });
  same(observe(place), before, 'a rollback that is refused changes nothing');
  story.push('refused');
  for (const name of inTheWay) chmodSync(path.join(place.worktree, name), 0o600);
  return observe(place);
}

async function end(run: Run, met: Set<string>): Promise<void> {
  for (const [name, ending] of Object.entries(ENDINGS)) {
    run.story.push(name);
    await ending(run.place, run.store);
    met.add(name);
  }
}

function edit(run: Run, turn: number, met: Set<string>): void {
  const { place, story, many } = run;
  const inTurns = many ? MANY : ALL;
  const names: (readonly [string, Operation])[] = [inTurns[turn % inTurns.length] ?? assert.fail()];
  const count = 2 + place.random.below(5);
  for (let at = 0; at < count; at += 1) names.push(next(run));
  for (const [name, operation] of names) {
    if (!done(operation, place)) continue;
    met.add(name);
    story.push(name);
  }
}

/** Edits that the state of the worktree often forbids are tried more often, so that each occurs. */
const OFTEN_FORBIDDEN = [
  'unfinished merge',
  'unfinished rebase',
  'unfinished rebase with an autostash',
  'a link becomes a directory',
  'unfinished cherry-pick',
  'unfinished revert',
  'a commit',
  'everything staged',
  'the branch deleted by hand',
  'the branch moved by hand',
  'another branch',
  'detached HEAD',
  'a reset',
  'a file that cannot be read',
  'submodule',
];
const SELDOM = ALL.filter(([name]) => OFTEN_FORBIDDEN.includes(name));
/** Among a hundred thousand files each of those takes git seconds. */
const MANY = ALL.filter(([name]) => name === 'many files');
const LIGHT = ALL.filter(([name]) => !/^unfinished|^git gc|^another git/.test(name));

function next({ place, many }: Run): readonly [string, Operation] {
  const { random } = place;
  if (many) return random.pick(LIGHT);
  if (underWay(place) && random.chance(0.15)) return [GIVEN_UP, FEATURES[GIVEN_UP] ?? assert.fail()];
  return random.pick(random.chance(0.35) ? SELDOM : ALL);
}

/**
 * Makes an edit. One that the state of the worktree forbids (a directory where a file lies) is not made, and does not
 * count.
 */
function done(run: Operation, place: Place): boolean {
  try {
    return run(place) !== false;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOENT', 'ELOOP', 'EACCES'].includes(code)) return false;
    throw error;
  }
}

const ACTS = [...new Set([...CAPTURES, ...ROLLBACKS].map(([name]) => name))];
export const SETTINGS = ['core.autocrlf', 'sparse checkout', ...FORMAT_ROWS, '100,000 files'];

export function coverageTable({ coverage, cases }: Outcome): string {
  const names = [...ALL.map(([name]) => name), ...SETTINGS, ...ACTS, ...Object.keys(ENDINGS)];
  const rows = names.map((name) => `${String(coverage.get(name) ?? 0).padStart(6)}  ${name}`);
  return `${cases} cases\n${rows.join('\n')}`;
}
