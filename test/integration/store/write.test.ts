import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect } from 'vitest';
import { Database } from '../../../src/store/database.ts';
import { createNotes, note, notes } from './notes.ts';
import { test } from './store-kit.ts';

const WRITER = path.join(import.meta.dirname, 'writer.ts');

describe('group commit', () => {
  test('writes of one tick share a commit, and a promise resolves only after it', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    using other = new Database(place.path, { readOnly: true });
    const seen = (): number => other.get<{ n: number }>('SELECT count(*) AS n FROM notes')?.n ?? 0;
    const writes = ['a', 'b', 'c'].map((text) => note(store, text).then(seen));
    expect(notes(store)).toEqual(['a', 'b', 'c']);
    expect(seen()).toBe(0);
    expect(await Promise.all(writes)).toEqual([3, 3, 3]);
  });

  test('one that throws is undone alone and rejects alone', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    const outcomes = await Promise.allSettled([
      note(store, 'before'),
      store.write((db) => {
        db.run(`INSERT INTO notes VALUES ('half')`);
        throw new Error('changed my mind');
      }),
      note(store, 'before'),
      note(store, 'after'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(notes(store)).toEqual(['before', 'after']);
  });

  test('a large batch does not wait for the end of the tick', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    using other = new Database(place.path, { readOnly: true });
    const writes = Array.from({ length: 1_001 }, (_, n) => note(store, String(n)));
    expect(other.get('SELECT count(*) AS n FROM notes')).toMatchObject({ n: 1_000 });
    await Promise.all(writes);
    expect(notes(store)).toHaveLength(1_001);
  });

  test('a write inside a write, and one that goes on after an await, are refused', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    const inner = store.write(() => note(store, 'inner'));
    await expect(inner).rejects.toThrow('a write must be synchronous');
    const nested = store.write(() => {
      void note(store, 'nested').catch((error: unknown) => errors.push(error));
    });
    const errors: unknown[] = [];
    await nested;
    expect(String(errors[0])).toContain('a write inside a write');
    await note(store, 'the next');
    expect(notes(store)).toEqual(['the next']);
  });

  test('when the commit fails nothing of the batch is there, and the next write works', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    await store.write((db) =>
      db.exec('CREATE TABLE child (of TEXT REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)'),
    );
    store.read((db) => db.exec('PRAGMA foreign_keys = ON'));
    const outcomes = await Promise.allSettled([
      note(store, 'a'),
      store.write((db) => db.run(`INSERT INTO child VALUES ('nobody')`)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(notes(store)).toEqual([]);
    await note(store, 'b');
    expect(notes(store)).toEqual(['b']);
  });

  test('the log does not grow with what is written', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    for (let round = 0; round < 60; round += 1) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => note(store, `${round}-${n} ${'x'.repeat(2_000)}`)));
    }
    expect(statSync(place.path).size).toBeGreaterThan(12_000_000);
    expect(statSync(`${place.path}-wal`).size).toBeLessThan(8_000_000);
  });
});

describe('a disk that refuses', () => {
  test('a full disk is said in words; every write is there whole or not at all; with space it goes on', async ({
    place,
  }) => {
    const store = place.open();
    await createNotes(store);
    const pages = store.read((db) => db.get<{ page_count: number }>('PRAGMA page_count'))?.page_count ?? 0;
    store.read((db) => db.exec(`PRAGMA max_page_count = ${pages + 20}`));
    const texts = Array.from({ length: 20 }, (_, n) => `${n} ${'x'.repeat(20_000)}`);
    const outcomes = await Promise.allSettled(texts.map((text) => note(store, text)));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused)
      expect(reason).toMatchObject({ code: 'disk-full', hint: expect.stringContaining('Free some space') });
    expect(notes(store)).toEqual(texts.filter((_, n) => outcomes[n]?.status === 'fulfilled'));
    store.read((db) => db.exec('PRAGMA max_page_count = 1000000'));
    await note(store, 'with space');
    expect(notes(store).at(-1)).toBe('with space');
  });

  test('a store that became read-only says so', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    store.read((db) => db.exec('PRAGMA query_only = ON'));
    await expect(note(store, 'a')).rejects.toMatchObject({ code: 'store-read-only', retrySafe: true });
    store.read((db) => db.exec('PRAGMA query_only = OFF'));
    await note(store, 'b');
    expect(notes(store)).toEqual(['b']);
  });

  test('another program’s lock is waited for and then said in words', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    using other = new Database(place.path);
    other.exec('BEGIN IMMEDIATE');
    await expect(note(store, 'a')).rejects.toMatchObject({ code: 'store-busy' });
    other.exec('ROLLBACK');
    await note(store, 'b');
    expect(notes(store)).toEqual(['b']);
  });

  test('a file that may not grow makes the commit itself fail, and later writes work', async ({ place }) => {
    const child = spawn(process.execPath, [WRITER, 'ask', place.path, place.lockPath], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const answer = async (): Promise<unknown> => (await lines.next()).value;
    const ask = (line: string): Promise<unknown> => {
      child.stdin.write(`${line}\n`);
      return answer();
    };
    const limit = async (bytes: string): Promise<void> => {
      const [code] = (await once(
        spawn('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:unlimited`], { stdio: 'inherit' }),
        'exit',
      )) as [number];
      expect(code).toBe(0);
    };
    expect(await answer()).toBe('open');
    expect(await ask('one')).toBe('written one');
    await limit(String(statSync(`${place.path}-wal`).size + 50_000));
    expect(await ask('two')).toMatch(/^refused two (store-io|disk-full)$/);
    await limit('unlimited');
    expect(await ask('three')).toBe('written three');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(notes(place.open()).map((text) => text.split(' ')[0])).toEqual(['one', 'three']);
  });
});

describe('a supervisor that is killed', () => {
  test.for([1, 2, 3])('every promise that was kept is on disk (round %i)', async (_, { place }) => {
    const child = spawn(process.execPath, [WRITER, 'write', place.path, place.lockPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const promised: string[] = [];
    let partial = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (partial + chunk.toString()).split('\n');
      partial = lines.pop() ?? '';
      promised.push(...lines);
    });
    await expect.poll(() => promised.length, { interval: 5 }).toBeGreaterThan(500);
    child.kill('SIGKILL');
    await once(child, 'close');
    const there = new Set(notes(place.open()));
    expect(promised.filter((text) => !there.has(text))).toEqual([]);
  });
});
