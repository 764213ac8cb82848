/**
 * Checkpoints and rollbacks over the git plumbing that does the same, in a worktree of 20,000 files; the list of a
 * thousand; and what five hundred take on disk.
 * Usage: node test/bench/checkpoint.bench.ts [capture] [rollback] [list] [disk]; without a name, all of them.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkpointMessage } from '../../src/checkpoint/refs/checkpoint-commit.ts';
import { CheckpointStore } from '../../src/checkpoint/store.ts';
import { gitSpawnCount, gitText, runGit } from '../../src/git/git.ts';
import { parent } from '../integration/checkpoint/property/cases.ts';
import { makeWorld } from '../integration/checkpoint/world.ts';
import { compare, conclude, judge, median, timed, untilQuiet } from './lib.ts';
import { benchPlace, builtProgram } from './place.ts';

const FILES = 20_000;
const CHANGED = 10;
const RUNS = Number(process.env['SWARM_BENCH_RUNS'] ?? 9);
const LISTED = 1_000;
const KEPT = Number(process.env['SWARM_BENCH_KEPT'] ?? 500);
const STARTS = 15;
const BARS = { changed: 1.3, unchanged: 1.3, rollback: 1.5, listMs: 100, disk: 1.2 };

const nameOf = (at: number): string => `d${at % 200}/file-${at}.ts`;
const textOf = (at: number, round: number): string =>
  Array.from(
    { length: 60 },
    (_, line) => `export const value${at}_${line} = ${at * 7919 + line * (line === 30 ? round : 1)};\n`,
  ).join('');

const PARTS = ['capture', 'rollback', 'list', 'disk'];
const asked = process.argv.slice(2);
const wrong = asked.filter((name) => !PARTS.includes(name));
if (wrong.length > 0) throw new Error(`no such part: ${wrong.join(', ')}; there are ${PARTS.join(', ')}`);
const wanted = (part: string): boolean => asked.length === 0 || asked.includes(part);

await using resources = new AsyncDisposableStack();
const world = resources.use(
  await makeWorld({
    parent,
    files: Object.fromEntries(Array.from({ length: FILES }, (_, at) => [nameOf(at), textOf(at, 0)])),
  }),
);
const { worktree, store } = world;

let round = 0;
/** Adds a line to ten files, spread over the tree. */
function change(): void {
  round += 1;
  for (let at = 0; at < CHANGED; at += 1) {
    const file = (round * 131 + at * 1_999) % FILES;
    writeFileSync(path.join(worktree, nameOf(file)), textOf(file, round));
  }
}

/** The floor: a private index in the same worktree, by the same way of starting git. */
const index = { GIT_INDEX_FILE: path.join(world.repository.home, 'bare.index') };
const bare = (...args: string[]): Promise<string> => gitText(args, { cwd: worktree, env: index });
let bareCheckpoints = 0;
async function bareCapture(): Promise<string> {
  await bare('add', '-A');
  const tree = await bare('write-tree');
  const commit = await bare('commit-tree', tree, '-p', 'HEAD', '-m', 'bare');
  bareCheckpoints += 1;
  await bare('update-ref', `refs/bare/${bareCheckpoints}`, commit);
  return commit;
}

// Takes in what the runs of the other side changed, before the measurement.
const settle = async (): Promise<void> => {
  await bareCapture();
  await store.capture({ reason: 'settle' });
};

if (wanted('capture') || wanted('rollback')) {
  for (let warm = 0; warm < 3; warm += 1) {
    change();
    await bareCapture();
    await store.capture({ reason: 'warm-up' });
  }

  if (wanted('capture')) conclude(await captures());
  if (wanted('rollback')) conclude([await rollbacks()]);
  store.close();
}
if (wanted('list')) conclude([await listOfMany()]);
if (wanted('disk')) conclude([await disk()]);

async function captures() {
  const changed = await compare({
    name: `checkpoint, ${CHANGED} of ${FILES} files changed`,
    unit: 'ms',
    runs: RUNS,
    floor: { name: 'add -A, write-tree, commit-tree, update-ref', measure: async () => (change(), timed(bareCapture)) },
    ours: { name: 'capture', measure: async () => (change(), timed(() => store.capture({ reason: 'bench' }))) },
    bar: BARS.changed,
  });
  await settle();
  const unchanged = await compare({
    name: 'checkpoint, nothing changed',
    unit: 'ms',
    runs: RUNS,
    floor: {
      name: 'add -A, write-tree',
      measure: () => timed(async () => (await bare('add', '-A'), await bare('write-tree'))),
    },
    ours: { name: 'capture', measure: () => timed(() => store.capture({ reason: 'bench' })) },
    bar: BARS.unchanged,
  });
  await store.captureIfStirred(() => Promise.resolve({ reason: 'tick' }));
  await store.captureIfStirred(() => Promise.resolve({ reason: 'tick' }));
  const spawned = gitSpawnCount();
  await store.captureIfStirred(() => Promise.resolve({ reason: 'tick' }));
  const tick = judge('timer tick, watched and clean', 'git processes', gitSpawnCount() - spawned, 0);
  return [changed, unchanged, tick];
}

async function rollbacks() {
  return compare({
    name: `rollback, ${CHANGED} files changed`,
    unit: 'ms',
    runs: RUNS,
    floor: {
      name: 'bare capture, read-tree -u --reset',
      measure: async () => {
        await settle();
        const target = await bareCapture();
        change();
        return timed(async () => (await bareCapture(), await bare('read-tree', '-u', '--reset', target)));
      },
    },
    ours: {
      name: 'rollback',
      measure: async () => {
        await settle();
        const { n } = await store.capture({ reason: 'bench' });
        change();
        return timed(() => store.rollback(n));
      },
    },
    bar: BARS.rollback,
  });
}

/** The list, over Node doing nothing, through the supervisor's API. */
async function listOfMany() {
  await using place = await benchPlace({ files: 100 });
  await place.swarm('up', '1', '--detach', '--yes', '--trust');
  await place.swarm('checkpoint', 'worker-1');
  const git = { cwd: place.repository.path };
  const ref = 'refs/swarm/checkpoints/worker-1/';
  const first = (await gitText(['for-each-ref', '--format=%(objectname)', ref], git)).split('\n').at(-1) ?? '';
  const [tree = '', head = '', meta = ''] = (
    await gitText(['rev-parse', `${first}^{tree}`, `${first}^1`, `${first}^2`], git)
  ).split('\n');
  const at = Math.floor(Date.now() / 1_000);
  const stream = Array.from({ length: LISTED }, (_, n) => {
    const message = checkpointMessage({
      place: { agent: 'worker-1' },
      n: n + 100,
      request: { reason: 'turn-end', task: `t${n}`, attempt: 1, sessionId: crypto.randomUUID() },
      state: { tree, saved: { head, branch: 'swarm/task/t1' } } as Parameters<typeof checkpointMessage>[0]['state'],
      fingerprint: tree,
      files: 10,
      warnings: [],
      at,
    });
    const size = Buffer.byteLength(message);
    return `commit ${ref}${n + 100}\ncommitter s <s@x> ${at} +0000\ndata ${size}\n${message}\nfrom ${head}\nmerge ${meta}\nM 040000 ${tree} ""\n\n`;
  });
  await runGit(['fast-import', '--quiet'], { ...git, input: stream.join('') });
  const start = (...args: string[]) => {
    const env = place.environment.variables;
    return timed(async () =>
      execFileSync(process.execPath, args, { cwd: place.repository.path, env, stdio: 'ignore' }),
    );
  };
  const taken = { nothing: [] as number[], ours: [] as number[] };
  await untilQuiet();
  for (let run = 0; run < STARTS; run += 1) {
    taken.nothing.push(await start('-e', '0'));
    taken.ours.push(await start(builtProgram('cli'), 'checkpoint', 'ls', 'worker-1', '--json'));
  }
  return judge(
    `checkpoint ls of ${LISTED}, over node -e 0`,
    'ms',
    median(taken.ours) - median(taken.nothing),
    BARS.listMs,
  );
}

/** Bytes on disk, packed, over the changed files and directories alone, packed. */
async function disk() {
  const own = new CheckpointStore({ ...store.place, agent: 'disk' });
  const start = await own.capture({ reason: 'start' });
  for (let n = 0; n < KEPT; n += 1) {
    change();
    await own.capture({
      reason: 'turn-end',
      task: 't1',
      attempt: 1,
      sessionId: 'b6f2c9d0-0000-4000-8000-000000000000',
    });
  }
  const list = (await own.list()).filter(({ n }) => n > start.n);
  const ids = async (...revisions: string[]): Promise<string[]> => {
    const { stdout } = await runGit(['rev-list', '--objects', '--no-object-names', '--stdin'], {
      cwd: worktree,
      input: `${revisions.join('\n')}\n`,
    });
    return stdout.toString('latin1').trim().split('\n');
  };
  const known = new Set(await ids(start.commit));
  const everything = await ids(...list.map(({ commit }) => commit));
  const trees = await ids(...list.map(({ tree }) => tree));
  const packed = async (objects: readonly string[]): Promise<number> => {
    const fresh = objects.filter((oid) => !known.has(oid));
    const { stdout } = await runGit(['pack-objects', '--stdout', '--quiet', '--window=50'], {
      cwd: worktree,
      input: `${fresh.join('\n')}\n`,
    });
    return stdout.length;
  };
  const [floor, ours] = [await packed(trees), await packed(everything)];
  const ratio = ours / floor;
  const name = `disk for ${KEPT} checkpoints of ${CHANGED} files`;
  return { name, unit: 'bytes', floor, ours, ratio, bar: BARS.disk, met: ratio <= BARS.disk };
}
