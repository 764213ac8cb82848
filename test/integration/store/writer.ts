/**
 * Run by tests as a process of its own. `hold`: opens the store and waits. `write`: writes notes for ever and prints
 * each that is promised to be on disk. `ask`: writes one note for each line on stdin and prints the outcome.
 */
import { createInterface } from 'node:readline';
import { writeSync } from 'node:fs';
import { Store } from '../../../src/store/store.ts';
import { createNotes, note } from './notes.ts';

const [mode = '', path = '', lockPath = ''] = process.argv.slice(2);
const store = Store.open({ path, lockPath });
await createNotes(store);
const say = (line: string): void => void writeSync(1, `${line}\n`);

if (mode === 'hold') {
  say('open');
  process.stdin.resume();
} else if (mode === 'write') {
  await Promise.all(Array.from({ length: 8 }, (_, lane) => writeForEver(lane)));
} else {
  say('open');
  for await (const line of createInterface({ input: process.stdin })) {
    await note(store, `${line} ${'x'.repeat(200_000)}`).then(
      () => say(`written ${line}`),
      (error: unknown) => say(`refused ${line} ${(error as { code?: string }).code ?? String(error)}`),
    );
  }
  store.close();
}

async function writeForEver(lane: number): Promise<never> {
  for (let n = 0; ; n += 1) say(await note(store, `${lane}-${n}`));
}
