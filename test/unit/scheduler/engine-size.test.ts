import { expect, test } from 'vitest';
import { claimOf, kit, spec, take } from './engine-kit.ts';

const MANY = 40_000;

test('a claim does not take longer because many tasks wait: it never scans', async () => {
  const { engine, store } = kit({ maxOpenTasks: 1_000_000 });
  const claimMs = async (from: number): Promise<number> => {
    const times: number[] = [];
    for (let slot = from; slot < from + 41; slot += 1) {
      const at = performance.now();
      await take(engine, 'worker-1', { slot });
      times.push(performance.now() - at);
    }
    return times.toSorted((a, b) => a - b)[20] ?? Number.NaN;
  };
  await engine.submit(Array.from({ length: 200 }, () => spec()));
  const few = await claimMs(0);
  for (let done = 0; done < MANY; done += 5_000) {
    await engine.submit(
      Array.from({ length: 5_000 }, (_, n) =>
        spec({ needs: n % 2 === 0 ? ['gpu'] : [], ...(n % 100 === 0 ? { agent: `worker-${n}` } : {}) }),
      ),
    );
  }
  const many = await claimMs(100);
  expect(many).toBeLessThan(Math.max(few * 4, 5));
  expect(engine.hasWorkFor(claimOf('worker-7'))).toBe(true);
  expect(store.read((db) => db.get<{ n: number }>('SELECT count(*) AS n FROM tasks'))?.n).toBe(MANY + 200);
}, 30_000);
