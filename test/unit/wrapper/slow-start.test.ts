import process from 'node:process';
import { expect, test } from 'vitest';
import { ClaudePane, type ClaudePaneDeps } from '../../../src/wrapper/claude/claude-pane.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { silentLog } from './support.ts';

/** A silent program, whose use of the processor the test sets. */
function starting(): { clock: ManualClock; use: { ms: number }; failed: Promise<string> } {
  const clock = new ManualClock();
  const use = { ms: 0 };
  const pane = new ClaudePane({
    cwd: '/',
    markPrefix: 'p/worker-1',
    graceMs: 1,
    dialogOpen: () => Promise.resolve(false),
    deaf: () => null,
    printed: () => Promise.resolve(''),
    launch: () => Promise.resolve({ argv: [process.execPath, '-e', 'setInterval(() => {}, 1000)'], env: {} }),
    died: () => undefined,
    processes: { cpuMs: () => use.ms, identity: () => null, endMarked: () => Promise.resolve() },
    clock,
    log: silentLog,
  } as unknown as ClaudePaneDeps);
  const failed = pane.start({ sessionId: 's', resume: false, prompt: null, mark: 'm' }).then(
    () => 'began',
    (error: Error) => error.message,
  );
  return { clock, use, failed };
}

test('a start is given up after 15 s when its program rests, as at a dialog', async () => {
  const { clock, failed } = starting();
  await settle();
  await clock.advance(15_000);
  expect(await failed).toBe('its session did not begin within 15 s');
});

test('on a machine so busy that it has hardly begun, it is waited for', async () => {
  const { clock, use, failed } = starting();
  await settle();
  for (let second = 0; second < 60; second += 1) {
    use.ms += 20;
    await clock.advance(1_000);
  }
  await clock.advance(10_000);
  expect(await failed).toBe('its session did not begin within 65 s');
});
