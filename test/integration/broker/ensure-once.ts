import { ensureBroker } from '../../../src/broker/index.ts';

// A caller in a process of its own: starts or adopts the broker of argv[2], prints the result and ends.
const [, , dir = ''] = process.argv;
const { pid, started } = await ensureBroker({ dir });
process.stdout.write(JSON.stringify({ pid, started }));
