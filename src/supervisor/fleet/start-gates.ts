import type { NeedsYouKind } from '../../domain/agent.ts';
import { gateText, type Gate } from '../../claude/preflight.ts';

/** An obstacle to an agent's start: a question for a person, or a program that cannot be started. */
export type Obstacle = { by: 'person'; gate: NeedsYouKind; detail: string } | { by: 'program'; detail: string };

/** The question to a person that each gate is, where it is not about the login. */
const QUESTIONS: Partial<Record<Gate['kind'], NeedsYouKind>> = { trust: 'trust', hooks: 'settings' };
const OF_PROGRAM: readonly Gate['kind'][] = ['missing', 'too-old'];

/** The gate that keeps an agent from starting, in the words for a person; null: none. */
export function blockingGate(gates: readonly Gate[], trusted: boolean): Obstacle | null {
  for (const gate of gates) {
    const { blocking, kind, message, cure } = gate;
    if (!blocking || (kind === 'trust' && trusted)) continue;
    if (OF_PROGRAM.includes(kind)) return { by: 'program', detail: `${message}\n${cure}` };
    return { by: 'person', gate: QUESTIONS[kind] ?? 'login', detail: gateText(gate) };
  }
  return null;
}
