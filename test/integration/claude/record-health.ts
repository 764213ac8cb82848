// Records the observable facts of real Claude Codes in trouble, for the confusion table: run by hand, with the names of
// the scenes, or none for all; writes test/fixtures/health/SCENE.json. Two seconds between two moments.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ActivityWatch } from '../../../src/wrapper/claude/activity.ts';
import { readScreen } from '../../../src/claude/screen.ts';
import { scanProcesses, workDone, workOf } from '../../../src/process/index.ts';
import { repositoryRoot } from '../../support/environment.ts';
import { openPane, type Pane } from './pane.ts';

const SECONDS = Number(process.env['SECONDS_OF_A_SCENE'] ?? 40);
const bash = (command: string) => ({ tools: [{ name: 'Bash', input: { command, description: 'work' } }] });
const silence = { steps: [{ delayMs: 600_000, text: 'x' }] };
const failing = (status: number) => ({
  steps: [{ fault: { kind: 'status' as const, status }, times: null }, { text: 'x' }],
});
const hanging = (after: 'nothing' | 'start') => ({
  steps: [{ fault: { kind: 'hang' as const, after }, times: null }, { text: 'x' }],
});

interface Scene {
  rule: object;
  /** The first key is pressed when the turn has begun, the others each so many seconds later. */
  keys?: string[];
  signal?: NodeJS.Signals;
}

const SCENES: Record<string, Scene> = {
  retries: { rule: failing(500) },
  'hang-before-headers': { rule: hanging('nothing') },
  'hang-in-the-body': { rule: hanging('start') },
  'ctrl-z': { rule: silence, keys: ['C-z'] },
  esc: { rule: silence, keys: ['Escape'] },
  'busy-command': { rule: { steps: [bash('i=0; while :; do i=$((i+1)); done'), { text: 'x' }] } },
  'idle-command': { rule: { steps: [bash('tail -f /dev/null'), { text: 'x' }] } },
  loop: { rule: { steps: [{ ...bash('echo the same'), delayMs: 500 }], loop: true } },
  polling: { rule: { steps: [{ ...bash('date +%N'), delayMs: 500 }], loop: true } },
  dialog: { rule: { steps: [bash('mkdir /asked'), { text: 'x' }] } },
  overload: { rule: failing(529) },
  done: { rule: { steps: [{ text: 'All is done.' }] } },
};

async function record(name: string, scene: Scene): Promise<void> {
  const script = { rules: [{ name, contains: 'Do it', ...scene.rule }] } as Parameters<typeof openPane>[0];
  await using pane = await openPane(script);
  const allow = name === 'dialog' ? [] : ['Bash'];
  const { pid } = await pane.start({ prompt: 'Do it', allow });
  const watch = new ActivityWatch();
  const moments: unknown[] = [];
  let seen = 0;
  let before = null as { since: number; activeAt: number | null; cpuMs: number; ioBytes: number } | null;
  const keys = [...(scene.keys ?? [])];
  for (let second = 0; second < SECONDS; second += 2) {
    await pause(2_000);
    const at = Date.now();
    for (const event of pane.events.slice(seen)) watch.event(event);
    seen = pane.events.length;
    const rows = workOf(pid, scanProcesses());
    const done = workDone(rows);
    const active = before !== null && (done.cpuMs - before.cpuMs >= 20 || done.ioBytes - before.ioBytes >= 32_768);
    before =
      rows.length === 0
        ? null
        : { ...done, since: before?.since ?? at, activeAt: active ? at : (before?.activeAt ?? null) };
    const { state, since, lastProgressAt, transcriptPath, openPermissions } = pane.turn();
    const screen = readScreen(await pane.screen());
    moments.push({
      at,
      turn: { state, since, lastProgressAt, openPermissions: openPermissions.map(({ text }) => text) },
      activity: watch.current,
      signs: {
        transcriptAt:
          transcriptPath === null ? null : (statSync(transcriptPath, { throwIfNoEntry: false })?.mtimeMs ?? null),
        work:
          before === null
            ? null
            : {
                count: rows.length,
                names: rows.map(({ command }) => command).join(', '),
                since: before.since,
                activeAt: before.activeAt,
              },
        screen: screen === null ? null : { ...screen, at },
        person: { attached: false, lastKeyAt: null },
        stopped: null,
        session: sessionOf(pane, pid, at),
        use: null,
      },
    });
    const [key] = state === 'busy' ? keys.splice(0, 1) : [];
    if (key !== undefined) await pane.keys(key);
  }
  const directory = path.join(repositoryRoot, 'test/fixtures/health');
  mkdirSync(directory, { recursive: true });
  const lines = moments.map((moment) => JSON.stringify(moment));
  writeFileSync(path.join(directory, `${name}.json`), `[\n${lines.join(',\n')}\n]\n`);
}

function sessionOf({ environment }: Pane, pid: number, at: number): { status: string; at: number } | null {
  try {
    const text = readFileSync(path.join(environment.home, '.claude/sessions', `${pid}.json`), 'utf8');
    const { status } = JSON.parse(text) as { status?: string };
    return status === undefined ? null : { status, at };
  } catch {
    // Not written yet.
    return null;
  }
}

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(SCENES);
await Promise.all(names.map((name) => record(name, SCENES[name] ?? { rule: silence })));
