import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { SwarmError } from '../../../src/domain/errors.ts';
import { Database } from '../../../src/store/database.ts';
import { MIGRATIONS } from '../../../src/store/schema.ts';
import { TaskTable } from '../../../src/store/tasks.ts';
import { createNotes, note, notes } from './notes.ts';
import { test, type Place } from './store-kit.ts';

const WRITER = path.join(import.meta.dirname, 'writer.ts');

async function holder(place: Place): Promise<ChildProcess> {
  const child = spawn(process.execPath, [WRITER, 'hold', place.path, place.lockPath], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

function refusal(open: () => unknown): SwarmError {
  try {
    open();
  } catch (error) {
    if (error instanceof SwarmError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the supervisor’s lock', () => {
  test('a second supervisor is told at once, in this process and in another', async ({ place }) => {
    const child = await holder(place);
    try {
      const from = performance.now();
      expect(refusal(() => place.open())).toMatchObject({ code: 'supervisor-running', retrySafe: true });
      expect(performance.now() - from).toBeLessThan(3_000);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(place.open().epoch).toBe(2);
    expect(refusal(() => place.open()).code).toBe('supervisor-running');
  });

  test('kill -9 frees it', async ({ place }) => {
    const child = await holder(place);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(place.open().epoch).toBe(2);
  });

  test('a refused opener does not free it for a third process', async ({ place }) => {
    place.open();
    expect(refusal(() => place.open()).code).toBe('supervisor-running');
    const child = spawn(process.execPath, [WRITER, 'hold', place.path, place.lockPath], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(said.join('')).toContain('supervisor-running');
  });
});

describe('opening', () => {
  test('the files are the person’s alone, also where they were open to others', ({ place }) => {
    mkdirSync(path.dirname(place.path), { mode: 0o755 });
    writeFileSync(place.path, '', { mode: 0o644 });
    const store = place.open();
    store.read((db) => db.get('SELECT 1'));
    const directory = path.dirname(place.path);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const modes = readdirSync(directory).map((name) => [name, statSync(path.join(directory, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({
      'lock.db': 0o600,
      'swarm.db': 0o600,
      'swarm.db-shm': 0o600,
      'swarm.db-wal': 0o600,
    });
    store.close();
    chmodSync(place.path, 0o640);
    place.open();
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
  });

  test('every commit is synced, and the log is bounded', ({ place }) => {
    const pragma = (name: string): unknown =>
      Object.values(store.read((db) => db.get<Record<string, unknown>>(`PRAGMA ${name}`)) ?? {})[0];
    const store = place.open();
    expect(['journal_mode', 'synchronous', 'wal_autocheckpoint'].map(pragma)).toEqual(['wal', 2, 1_000]);
  });

  test('the epoch grows with each open and what was written is there', async ({ place }) => {
    const first = place.open();
    expect(first.epoch).toBe(1);
    await createNotes(first);
    await note(first, 'kept');
    first.close();
    first.close();
    await expect(note(first, 'late')).rejects.toMatchObject({ code: 'store-closed' });
    await using second = place.open();
    expect(second.epoch).toBe(2);
    expect(notes(second)).toEqual(['kept']);
  });

  test('what is not a store is refused in words, and does not keep the lock', ({ place }) => {
    mkdirSync(path.dirname(place.path));
    writeFileSync(place.path, 'this is not a database, it is a poem\n'.repeat(200));
    expect(refusal(() => place.open())).toMatchObject({
      code: 'store-corrupt',
      hint: expect.stringContaining('Move it away'),
    });
    expect(refusal(() => place.open()).code).toBe('store-corrupt');
  });

  test('a damaged page is found at the start', async ({ place }) => {
    const store = place.open();
    await createNotes(store);
    for (let n = 0; n < 200; n += 1) void note(store, `${n} ${'x'.repeat(500)}`);
    store.close();
    const file = openSync(place.path, 'r+');
    const end = statSync(place.path).size;
    writeSync(file, Buffer.alloc(8_192, 0xff), 0, 8_192, end - 12_288);
    closeSync(file);
    expect(refusal(() => place.open())).toMatchObject({ code: 'store-corrupt' });
  });

  test('a place that cannot be is refused in words', ({ place }) => {
    mkdirSync(place.path, { recursive: true });
    expect(refusal(() => place.open()).code).toBe('store-unreachable');
  });
});

describe('migrations', () => {
  test('notes on results change no format, and may be missing where a store is only read', ({ place }) => {
    place.open().close();
    using db = new Database(place.path);
    expect(db.get('PRAGMA user_version')).toMatchObject({ user_version: 3 });
    const tasks = new TaskTable(db);
    const result = { n: 1, commit_id: null, branch: null, cost_usd: 0, summary: '' };
    tasks.saveResult(result, ['first', 'second']);
    expect(tasks.resultNotes('[1]')).toEqual(new Map([[1, ['first', 'second']]]));
    tasks.saveResult(result, []);
    expect(tasks.resultNotes('[1]')).toEqual(new Map());
    db.exec('DROP TABLE result_notes');
    expect(tasks.resultNotes('[1]')).toEqual(new Map());
  });

  test('a store of a newer program is refused in one line and left as it was', ({ place }) => {
    place.open().close();
    using db = new Database(place.path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    const error = refusal(() => place.open());
    expect(error.code).toBe('store-newer');
    expect(error.message).not.toContain('\n');
    expect(error.message).toContain('99');
  });

  test('the store is copied before it is changed', async ({ place }) => {
    const old = place.open();
    await createNotes(old);
    await note(old, 'from before');
    old.close();
    const store = place.open({
      migrations: [...MIGRATIONS, (db) => db.exec('ALTER TABLE notes ADD COLUMN colour TEXT')],
    });
    expect(store.read((db) => db.all('SELECT * FROM notes'))).toMatchObject([{ text: 'from before', colour: null }]);
    const copy = `${place.path}.format-${MIGRATIONS.length}`;
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    using db = new Database(copy, { readOnly: true });
    expect(db.all('SELECT * FROM notes').map((row) => ({ ...(row as object) }))).toEqual([{ text: 'from before' }]);
    expect(db.get('PRAGMA user_version')).toMatchObject({ user_version: MIGRATIONS.length });
  });

  test('a step that fails leaves the store in its old format', ({ place }) => {
    place.open().close();
    const broken = [...MIGRATIONS, (db: Database): void => db.exec('CREATE TABLE half (x); DROP TABLE no_such_table')];
    expect(() => place.open({ migrations: broken })).toThrow(/no_such_table/);
    const store = place.open();
    expect(store.read((db) => db.all(`SELECT name FROM sqlite_master WHERE name = 'half'`))).toEqual([]);
  });
});
