/**
 * Runners in a process of their own, for engine.bench.ts: `--specs DIR --runners N`, DIR being where the supervisor
 * writes the specs of its agents. Prints a line whenever more results are confirmed, until stdin ends.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readSpec } from '../../src/wrapper/contract/spec.ts';
import { startTaskRunner, type TaskRunner } from '../support/runner.ts';
import { until } from './place.ts';

const REPORT_EVERY_MS = 20;
const SPEC_TIMEOUT_MS = 120_000;

const { values } = parseArgs({ options: { specs: { type: 'string' }, runners: { type: 'string' } } });
const { specs, runners: count } = values;
if (specs === undefined || count === undefined) throw new Error('--specs and --runners are needed');

const runners = await Promise.all(Array.from({ length: Number(count) }, (_, at) => run(`worker-${at + 1}`)));
let told = -1;
const timer = setInterval(() => {
  const done = runners.reduce((sum, runner) => sum + runner.done, 0);
  const tickets = runners.reduce((sum, runner) => sum + runner.tickets, 0);
  if (done !== told) console.log(JSON.stringify({ done, tickets }));
  told = done;
}, REPORT_EVERY_MS);
process.stdin.resume();
await once(process.stdin, 'end');
clearInterval(timer);
for (const runner of runners) await runner[Symbol.asyncDispose]();

async function run(agent: string): Promise<TaskRunner> {
  const file = path.join(specs ?? '', `${agent}.json`);
  await until(`file about ${agent}`, SPEC_TIMEOUT_MS, () => (existsSync(file) ? true : null), 50);
  return await startTaskRunner({ spec: await readSpec(file), work: (order) => `did ${order.title}` });
}
