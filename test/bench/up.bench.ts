/**
 * `swarm up 3` of a fresh repository until three agents are ready, the broker being up for another project, over the
 * unavoidable work: three worktrees and three bare Claude Codes, in a HOME that has used Claude Code before. Usage:
 * node test/bench/up.bench.ts [files in the repository…]
 */
import { bareAgents } from './bare-agents.ts';
import { compare, conclude, loadText, timed, type BenchmarkResult } from './lib.ts';
import { benchPlace, keepBrokerUp } from './place.ts';

const AGENTS = 3;
const BAR = 1.5;
const sizes = process.argv.slice(2).map(Number);

const results: BenchmarkResult[] = [];
for (const files of sizes.length > 0 ? sizes : [1_000, 20_000]) results.push(await upOf(files));
conclude(results);

async function upOf(files: number): Promise<BenchmarkResult> {
  await using place = await benchPlace({ files });
  await using _broker = await keepBrokerUp(place);
  const told = async (name: string, tookMs: Promise<number>): Promise<number> => {
    console.log(`  ${files} files, ${name}: ${(await tookMs).toFixed(0)} ms [${loadText()}]`);
    return await tookMs;
  };
  const up = async (): Promise<number> => {
    const tookMs = await timed(() => place.swarm('up', String(AGENTS), '--detach', '--yes', '--trust'));
    await place.forget();
    return tookMs;
  };
  return await compare({
    name: `up ${AGENTS} with ${files} files`,
    unit: 'ms',
    floor: { name: 'worktrees and bare Claude Codes', measure: () => told('bare', bareAgents(place, AGENTS)) },
    ours: { name: 'up', measure: () => told('up', up()) },
    bar: BAR,
  });
}
