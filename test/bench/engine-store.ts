/**
 * The task engine on its store, without a broker: submit, claim and report `TASKS` tasks with `CLAIMERS` claimers in
 * one process. Usage: node test/bench/engine-store.ts [tasks] [claimers] [directory]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { TaskEngine } from '../../src/scheduler/engine.ts';
import { Store } from '../../src/store/store.ts';
import type { TaskSpec } from '../../src/domain/task.ts';

const TASKS = Number(process.argv[2] ?? 10_000);
const CLAIMERS = Number(process.argv[3] ?? 16);
const SUBMIT_BATCH = 100;
/** The store's part of the goal; the whole engine over AMQP must reach 1,000/s. */
const BAR_PER_SECOND = 5_000;

const directory = mkdtempSync(path.join(process.argv[4] ?? os.tmpdir(), 'swarm-bench-'));
try {
  await using store = Store.open({ path: path.join(directory, 'swarm.db'), lockPath: path.join(directory, 'lock.db') });
  const engine = new TaskEngine({
    store,
    maxOpenTasks: 10_000_000,
    onError: (error) => {
      throw error;
    },
  });
  const startedAt = performance.now();
  const submitMs = await timed(() => submitAll(engine));
  const latencies: number[] = [];
  const workMs = await timed(() =>
    Promise.all(Array.from({ length: CLAIMERS }, (_, slot) => work(engine, slot, latencies))),
  );
  const totalMs = performance.now() - startedAt;
  latencies.sort((a, b) => a - b);
  const report = {
    tasks: TASKS,
    claimers: CLAIMERS,
    done: engine.counts().done,
    submitPerSecond: perSecond(submitMs),
    claimAndResultPerSecond: perSecond(workMs),
    tasksPerSecond: perSecond(totalMs),
    claimMs: { p50: at(latencies, 0.5), p99: at(latencies, 0.99), max: at(latencies, 1) },
    rssMb: Math.round(process.memoryUsage.rss() / 1e6),
  };
  console.log(JSON.stringify(report, null, 2));
  if (report.done !== TASKS || report.tasksPerSecond < BAR_PER_SECOND) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function submitAll(engine: TaskEngine): Promise<void> {
  for (let at = 0; at < TASKS; at += SUBMIT_BATCH) {
    await engine.submit(Array.from({ length: Math.min(SUBMIT_BATCH, TASKS - at) }, (_, place) => spec(at + place)));
  }
}

function spec(place: number): TaskSpec {
  return {
    title: `task ${place}`,
    prompt: 'Do what the title says, then stop. '.repeat(10),
    priority: 'normal',
    after: [],
    needs: [],
    retries: 2,
  };
}

async function work(engine: TaskEngine, slot: number, latencies: number[]): Promise<void> {
  const agent = `worker-${slot}`;
  const context = {
    leaseMs: 60_000,
    decorate: () => ({ base: { branch: 'main', commit: 'c0ffee' }, verify: null, verifyFollowUps: 0 }),
  };
  for (;;) {
    const from = performance.now();
    const reply = await engine.claim({ agent, kind: 'claude', capabilities: [], slot: 0, incarnation: agent }, context);
    latencies.push(performance.now() - from);
    if (reply.got === 'none') return;
    const at = new Date().toISOString();
    await engine.result({
      task: reply.order.task,
      attempt: reply.order.attempt,
      agent,
      outcome: 'done',
      errorClass: null,
      error: null,
      summary: 'done',
      commit: 'c0ffee',
      branch: `swarm/task/${reply.order.task}`,
      notes: [],
      sessionId: null,
      usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
      startedAt: at,
      endedAt: at,
    });
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

function perSecond(ms: number): number {
  return Math.round((TASKS * 1_000) / ms);
}

function at(sorted: readonly number[], quantile: number): number {
  return Number((sorted[Math.floor(quantile * (sorted.length - 1))] ?? 0).toFixed(3));
}
