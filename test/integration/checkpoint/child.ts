/**
 * `node child.ts rollback N PLACE` or `capture PLACE`, PLACE as JSON: a process of its own, to be killed or to run as
 * another user.
 */
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import type { CheckpointPlace } from '../../../src/checkpoint/tree/types.ts';

const args = process.argv.slice(2);
const store = new CheckpointStore(JSON.parse(args.at(-1) ?? '') as CheckpointPlace);
process.stdout.write('ready\n');
const result =
  args[0] === 'rollback'
    ? await store.rollback(Number(args[1]))
    : await store.capture({ reason: 'from a process of its own' });
process.stdout.write(`${JSON.stringify(result)}\n`);
