export type { Evidence, HealthFacts, Judgement, LifecycleFact, PaneState, ProbeError } from './facts.ts';
export { judge } from './judge.ts';
export { AlertBook, conditionsOf, isAtLeast, type AlertChange, type Observed, type Severity } from './alerts.ts';
export { massDeath } from './mass-death.ts';
export { RULES } from './rules.ts';
