/**
 * Runners in a process of their own, for engine.bench.ts: `--url URL --project HASH --runners N`. Prints a line with
 * the number of results each time that a hundred more are confirmed or 20 ms have passed, until stdin ends.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { startTaskRunner } from '../support/runner.ts';

const REPORT_EVERY_MS = 20;

const { values } = parseArgs({
  options: { url: { type: 'string' }, project: { type: 'string' }, runners: { type: 'string' } },
});
const { url, project, runners: count } = values;
if (url === undefined || project === undefined || count === undefined)
  throw new Error('--url, --project and --runners are needed');

const runners = await Promise.all(
  Array.from({ length: Number(count) }, (_, at) =>
    startTaskRunner({ url, project, agent: `runner-on-amqp-${at + 1}`, work: (order) => `did ${order.title}` }),
  ),
);
let told = -1;
const timer = setInterval(() => {
  const done = runners.reduce((sum, runner) => sum + runner.done, 0);
  const tickets = runners.reduce((sum, runner) => sum + runner.tickets, 0);
  if (done !== told)
    console.log(
      JSON.stringify({ done, tickets, cpuMs: process.cpuUsage().user / 1e3 + process.cpuUsage().system / 1e3 }),
    );
  told = done;
}, REPORT_EVERY_MS);
process.stdin.resume();
await once(process.stdin, 'end');
clearInterval(timer);
for (const runner of runners) await runner[Symbol.asyncDispose]();
