import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { wrapperSnapshotSchema, type Activity, type TurnState } from '../../../src/coordination/link.ts';
import { judge, type Signs } from '../../../src/health/index.ts';
import { facts, snapshot, task } from './facts.ts';

/** One look at a real Claude Code, as test/integration/claude/record-health.ts writes it. */
interface Moment {
  at: number;
  turn: { state: TurnState; since: string; lastProgressAt: string | null; openPermissions: string[] };
  activity: Activity;
  signs: Signs;
}

/** The scenes last for less than a minute: their seconds stand for minutes. */
const LIMITS = { stuckAfterMs: 10_000, longestCommandMs: 60_000, loopAfter: 4 };

/** The truth of each scene, and the judgement in the end; `at work` is the judgement until the truth can be known. */
const TRUTH: Record<string, { truth: string; judged: string }> = {
  'busy-command': { truth: 'a command works', judged: 'works' },
  polling: { truth: 'polls', judged: 'works' },
  'idle-command': { truth: 'a command hangs', judged: 'hang-command' },
  'hang-before-headers': { truth: 'hangs at the API', judged: 'hang-api' },
  'hang-in-the-body': { truth: 'hangs at the API', judged: 'hang-api' },
  retries: { truth: 'retries', judged: 'retries' },
  loop: { truth: 'a loop', judged: 'loop' },
  'ctrl-z': { truth: 'Ctrl-Z', judged: 'suspended' },
  esc: { truth: 'a person stopped it', judged: 'abandoned' },
  dialog: { truth: 'a dialog is open', judged: 'asks' },
  overload: { truth: 'the API is overloaded', judged: 'turn-failed' },
  done: { truth: 'is done', judged: 'free' },
};

/** States that may be judged until the truth can be known, and never the other way round. */
const INNOCENT = new Set(['starts', 'works', 'retries', 'free', 'stopped-in-pane']);

function judged({ at, turn, activity, signs }: Moment): string {
  const needsYou = turn.openPermissions.map((text) => {
    return { id: text, kind: 'permission' as const, text, task: 't1', since: turn.since };
  });
  const began = activity.turnBegan ?? turn.since;
  // The end of the scene: the scene has no wrapper that would try again.
  const isOver = turn.state === 'idle' || turn.state === 'api-error';
  const given = snapshot({
    turn: turn.state,
    turnSince: turn.since,
    lastProgressAt: turn.lastProgressAt,
    activity,
    needsYou,
    tasks: isOver ? [] : [{ ...task('running'), since: began }],
  });
  wrapperSnapshotSchema.parse(given);
  const { rule, trouble } = judge(facts({ limits: LIMITS, signs, snapshot: given }), at);
  if (turn.state === 'starting' || turn.state === 'ready') return 'starts';
  return trouble?.kind ?? rule;
}

test('what was recorded of real ones is told apart, and nothing that gets on is taken for stuck', () => {
  const directory = path.join(import.meta.dirname, '../../fixtures/health');
  const counts = new Map<string, Map<string, number>>();
  const wrong: string[] = [];
  for (const file of readdirSync(directory).sort()) {
    const scene = path.basename(file, '.json');
    const expected = TRUTH[scene];
    if (expected === undefined) throw new Error(`there is no known truth for ${file}`);
    const moments = JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as Moment[];
    const row = counts.get(expected.truth) ?? new Map<string, number>();
    counts.set(expected.truth, row);
    const said = moments.map(judged);
    for (const [index, what] of said.entries()) {
      row.set(what, (row.get(what) ?? 0) + 1);
      if (what !== expected.judged && !INNOCENT.has(what)) wrong.push(`${scene} ${index * 2} s: ${what}`);
    }
    if (said.at(-1) !== expected.judged) wrong.push(`${scene} in the end: ${said.at(-1)}`);
  }
  console.log(table(counts));
  expect(wrong).toEqual([]);
  expect(new Set(counts.keys())).toEqual(new Set(Object.values(TRUTH).map(({ truth }) => truth)));
});

function table(counts: ReadonlyMap<string, ReadonlyMap<string, number>>): string {
  const columns = [...new Set([...counts.values()].flatMap((row) => [...row.keys()]))].sort();
  const line = (head: string, cells: readonly string[]): string =>
    head.padEnd(24) + cells.map((cell, index) => cell.padStart((columns[index]?.length ?? 0) + 2)).join('');
  const rows = [...counts].map(([truth, row]) =>
    line(
      truth,
      columns.map((column) => String(row.get(column) ?? '·')),
    ),
  );
  return [line('what is so \\ said', columns), ...rows].join('\n');
}
