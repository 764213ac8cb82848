import { ensureBroker } from '../../../src/broker/index.ts';

// A caller of its own process: starts or adopts the broker of argv[2], says so and ends.
const [, , dir = ''] = process.argv;
const { pid, started } = await ensureBroker({ dir });
process.stdout.write(JSON.stringify({ pid, started }));
