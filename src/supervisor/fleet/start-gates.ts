import type { NeedsYouKind } from '../../domain/agent.ts';
import type { Gate } from '../../claude/preflight.ts';

/** Which gates keep an agent from starting, and how a person sees them. */
export function blockingGate(gates: readonly Gate[], trusted: boolean): { gate: NeedsYouKind; detail: string } | null {
  for (const gate of gates) {
    if (!gate.blocking) continue;
    if (gate.kind === 'trust' && trusted) continue;
    return { gate: gate.kind === 'trust' ? 'trust' : 'login', detail: `${gate.message} ${gate.cure}`.trim() };
  }
  return null;
}
