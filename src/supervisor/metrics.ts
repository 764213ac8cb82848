import { Gauge, Registry } from 'prom-client';
import type { StatusDocument } from '../api/status/schemas.ts';

/** Prometheus text of one status document; gauges only, read at each request. */
export async function metricsText(
  status: StatusDocument,
  memory: NodeJS.MemoryUsage,
  cpuSeconds: number,
): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `swarm_${name}`, help, labelNames, registers: [registry] });
  const agents = gauge('agents', 'Agents by status', ['status']);
  const cost = gauge('agent_cost_usd', 'Money an agent has cost over its life', ['agent']);
  const tokens = gauge('agent_tokens', 'Tokens of an agent over its life', ['agent']);
  const restarts = gauge('agent_restarts', 'Restarts of an agent over its life', ['agent']);
  for (const agent of status.agents) {
    agents.inc({ status: agent.status });
    cost.set({ agent: agent.id }, agent.costUsd);
    tokens.set({ agent: agent.id }, agent.tokens);
    restarts.set({ agent: agent.id }, agent.restarts);
  }
  const tasks = gauge('tasks', 'Tasks by state', ['state']);
  for (const [state, count] of Object.entries(status.tasks)) tasks.set({ state }, count);
  gauge('needs_you', 'Questions that wait for a person').set(status.needsYou.length);
  gauge('broker_up', '1 while the broker is connected').set(status.broker.state === 'up' ? 1 : 0);
  gauge('supervisor_resident_memory_bytes', 'Resident memory of the supervisor').set(memory.rss);
  gauge('supervisor_cpu_seconds', 'CPU time the supervisor has used').set(cpuSeconds);
  return await registry.metrics();
}
