/** `node rollback-child.ts HOME N POINT [UNDOES]`: a rollback to checkpoint N whose process kills itself at that point. */
import { watch } from 'node:fs';
import type { Undoes } from '../../../src/supervisor/history/rollback-data.ts';
import type { RollbacksDeps } from '../../../src/supervisor/history/rollbacks.ts';
import { openDesk } from './rollback-scene.ts';

const [home = '', n = '0', point = '', undoes = ''] = process.argv.slice(2);
const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** Writes of the journal, in order: begun, restoring, restored, done. */
let writes = 0;

const dying = (deps: RollbacksDeps): RollbacksDeps => {
  const { store } = deps;
  const write = store.write.bind(store);
  store.write = async (fn) => {
    // Rows of agents and tasks have writes of their own.
    if (!fn.toString().includes('operations')) return await write(fn);
    writes += 1;
    if (point === `before ${writes}`) die();
    const value = await write(fn);
    if (point === `after ${writes}`) die();
    return value;
  };
  return deps;
};

const desk = await openDesk(home, dying);
if (point === 'in the files')
  watch(desk.layout.shadowGit, (_event, name) => name?.endsWith('.rollback.json') === true && die());
await desk.rollbacks.run(desk.agent, Number(n), {
  filesOnly: false,
  hold: false,
  to: null,
  ...(undoes === '' ? {} : { undoes: JSON.parse(undoes) as Undoes }),
});
desk.store.close();
