import type { Store } from '../../../src/store/store.ts';

/** A table that only tests have. */
export function createNotes(store: Store): Promise<void> {
  return store.write((db) => db.exec('CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL UNIQUE)'));
}

export function note(store: Store, text: string): Promise<string> {
  return store.write((db) => {
    db.run('INSERT INTO notes (text) VALUES (?)', text);
    return text;
  });
}

export function notes(store: Store): string[] {
  return store.read((db) => db.all<{ text: string }>('SELECT text FROM notes ORDER BY rowid')).map(({ text }) => text);
}
