import { describe, expect, it } from 'vitest';
import type { Note, NoteKey } from '../../../src/store/notes.ts';
import { Store } from '../../../src/store/store.ts';

/** The notes as version 0.1.0 writes them, with every field that may be there. */
const WRITTEN: { [K in NoteKey]: Note<K> } = {
  epoch: 4,
  'task.seed': 12,
  'swarm.desired': 'up',
  'swarm.base': { branch: null, commit: 'd99bd16d' },
  'swarm.trusted': true,
  'swarm.config.text': { text: 'agents: {worker: {count: 2}}\n' },
  'supervisor.alive': { bootId: 'b', monotonic: 12_345, wall: 1_893_456_000_000 },
  'admission.places': { boot: 'b', agents: ['worker-1'] },
  'agents.deaths': {
    'worker-1': { failed: { phase: 'failed', since: 1, detail: 'died 5 times' }, deaths: [1, 2], vanished: [] },
    'worker-2': { failed: null, deaths: [3], vanished: [4] },
  },
  'alerts.open': [{ key: 'stuck worker-1', severity: 'critical', agent: 'worker-1', text: 'stuck', since: 1 }],
  'health.days': { 'worker-1': { day: '2030-01-31', costUsd: 0.25, tokens: 1_000 } },
  'health.ladder': {
    'worker-1': { task: 't1', cause: 'loop', since: 1, rung: 'nudge', at: 2, newAt: null },
    'worker-2': { task: null, cause: 'memory', since: 1, rung: null, at: 1 },
  },
  holds: {
    accounts: {
      default: {
        hold: {
          kind: 'rate-limit',
          since: 1,
          until: 2,
          stated: true,
          detail: '429',
          tries: 1,
          probe: { agent: 'worker-1', since: 1 },
          prefer: null,
          last: 'worker-2',
        },
        failures: [],
      },
      'env+KEY': { hold: null, failures: [1] },
    },
    heard: { 'worker-1': { incarnation: 'i', failures: 2 } },
    ledger: { period: '2030-01-31', spentUsd: 1.5, grantedUsd: 0, last: { 'worker-1': 1.5 } },
    mortality: {
      deaths: [{ agent: 'worker-1', at: 1, detail: 'SIGKILL', explained: false }],
      episodes: [1],
      hold: { since: 1, detail: 'three at once', until: 2, tries: 1, probe: null },
    },
    run: 'r',
  },
};
const KEYS = Object.keys(WRITTEN) as NoteKey[];

function open() {
  const broken: string[] = [];
  const store = Store.memory({ onBroken: (key, why) => broken.push(`${key}: ${why}`) });
  const write = (key: string, text: string) =>
    store.write((db) => void db.run('INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)', key, text));
  return { store, broken, write };
}

describe('what the store keeps under a name', () => {
  it.each(KEYS)('%s, as version 0.1.0 wrote it, is read unchanged', async (key) => {
    const { store, broken, write } = open();
    await write(key, JSON.stringify(WRITTEN[key]));
    expect(store.notes.get(key)).toEqual(WRITTEN[key]);
    expect(broken).toEqual([]);
  });

  it.each(KEYS)(
    '%s counts as absent where it cannot be read, which is told once, until it is kept anew',
    async (key) => {
      for (const text of ['{"half', '[{"no":"such"}]', 'null']) {
        const { store, broken, write } = open();
        await write(key, text);
        expect(store.notes.get(key)).toBeUndefined();
        expect(store.notes.get(key)).toBeUndefined();
        expect(broken).toEqual([expect.stringMatching(new RegExp(`^${key}: .`))]);
        await store.write(() => store.notes.set(key, WRITTEN[key]));
        expect(store.notes.get(key)).toEqual(WRITTEN[key]);
      }
    },
  );

  it('is absent before it is kept, and that is nothing to tell', () => {
    const { store, broken } = open();
    expect(store.notes.get('swarm.desired')).toBeUndefined();
    expect(broken).toEqual([]);
  });
});
