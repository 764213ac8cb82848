/**
 * The cost of an idle swarm: a supervisor with three idle agents, and the wrapper of each. Usage: node
 * test/bench/idle.bench.ts [seconds per window]
 */
import { setTimeout as pause } from 'node:timers/promises';
import { conclude, judge, loadText, median } from './lib.ts';
import { benchPlace, until } from './place.ts';
import { processesMarked, processorMs, residentMb } from './process-use.ts';

const WINDOW_MS = Number(process.argv[2] ?? 20) * 1_000;
const WINDOWS = 3;
/** Time after which the work of the start is over. */
const SETTLE_MS = 5_000;
const BROKER_TIMEOUT_MS = 30_000;
const CPU_BAR_PERCENT = 1;
const SUPERVISOR_BAR_MB = 120;
const WRAPPER_BAR_MB = 90;

await using place = await benchPlace({ files: 1_000 });
await place.swarm('up', '3', '--detach', '--yes', '--trust');
const { supervisor, agents, broker, project } = await until('the broker', BROKER_TIMEOUT_MS, async () => {
  const status = await place.status();
  return status.broker.pid === null ? null : status;
});
if (supervisor.pid === null || broker.pid === null) throw new Error('the supervisor or the broker is not up');
// The agent's own processes lie below the wrapper and have another mark.
const wrappers = agents.flatMap(({ id }) => wrapperOf(`${project.hash}/${id}`));
await pause(SETTLE_MS);

const shares: { supervisor: number; wrapper: number; broker: number }[] = [];
for (let window = 0; window < WINDOWS; window += 1) {
  const before = used();
  const startedAt = performance.now();
  await pause(WINDOW_MS);
  const tookMs = performance.now() - startedAt;
  const after = used();
  const percent = (key: keyof typeof after): number => ((after[key] - before[key]) / tookMs) * 100;
  shares.push({
    supervisor: percent('supervisor'),
    wrapper: percent('wrapper') / wrappers.length,
    broker: percent('broker'),
  });
}
const of = (key: 'supervisor' | 'wrapper' | 'broker'): number => median(shares.map((share) => share[key]));
const wrapperMb = wrappers.map(residentMb);
console.log(
  `  beside it: each wrapper ${of('wrapper').toFixed(2)} % of a core, broker ${of('broker').toFixed(2)} %, ` +
    `${residentMb(broker.pid).toFixed(0)} MB [${loadText()}]`,
);
conclude([
  judge('supervisor with 3 idle agents', '% of a core', of('supervisor'), CPU_BAR_PERCENT),
  judge('supervisor, resident', 'MB', residentMb(supervisor.pid), SUPERVISOR_BAR_MB),
  judge('wrapper, resident, the largest', 'MB', Math.max(...wrapperMb), WRAPPER_BAR_MB),
]);

function used(): { supervisor: number; wrapper: number; broker: number } {
  return {
    supervisor: processorMs(supervisor.pid ?? 0),
    wrapper: wrappers.reduce((sum, pid) => sum + processorMs(pid), 0),
    broker: processorMs(broker.pid ?? 0),
  };
}

function wrapperOf(name: string): number[] {
  const pids = processesMarked(`SWARM_WRAPPER=${name}`);
  if (pids.length === 0) throw new Error(`${name} has no wrapper`);
  return [Math.min(...pids)];
}
