import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { AgentRecord } from '../../../../src/supervisor/project/agent-record.ts';
import { repositoryRoot } from '../../../support/environment.ts';
import { BEGIN, pane, record } from '../kit.ts';

/** Where each part of a record may be written, below src/supervisor. */
const ROOM_OF: Readonly<Record<string, string>> = {
  roster: 'fleet/roster.ts',
  fleet: 'fleet/',
  watch: 'watch/',
  judge: 'watch/judge.ts',
  holds: 'holds/',
};

test('a part of a record is claimed for writing only in the room that owns it', () => {
  const claims = globSync('src/**/*.ts', { cwd: repositoryRoot }).flatMap((file) =>
    [...readFileSync(path.join(repositoryRoot, file), 'utf8').matchAll(/WrittenBy<(?!Writer)([^>]*)>/g)].map(
      ([, writer = '']) => ({ file, room: ROOM_OF[writer.replaceAll("'", '')] ?? 'no room' }),
    ),
  );
  expect(new Set(claims.map(({ room }) => room))).toEqual(new Set(Object.values(ROOM_OF)));
  expect(claims.filter(({ file, room }) => !file.startsWith(`src/supervisor/${room}`))).toEqual([]);
});

test('a reader of a record cannot assign to any part of it', () => {
  const one: AgentRecord = record();
  const { row, verdict } = one;
  // @ts-expect-error the roster’s
  one.row = { ...row, desired: 'stopped' };
  // @ts-expect-error the roster’s
  one.row.desired = 'paused';
  // @ts-expect-error the fleet’s
  one.lifecycle = { phase: 'none', since: BEGIN };
  // @ts-expect-error the fleet’s
  one.observed.pane = pane();
  // @ts-expect-error the fleet’s
  one.step.queuedWork.push(() => Promise.resolve(one.lifecycle));
  // @ts-expect-error the fleet’s
  one.step.busy = true;
  // @ts-expect-error the fleet’s
  one.deaths.push(BEGIN);
  // @ts-expect-error the watch’s
  one.signs = undefined;
  // @ts-expect-error the judge’s
  one.verdict.status = 'idle';
  // @ts-expect-error of mass deaths
  one.startHold = null;
  expect(one.verdict, 'the compiler refused all of that, nothing else does').toBe(verdict);
});
