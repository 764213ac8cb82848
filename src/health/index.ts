export type { Evidence, HealthFacts, Judgement, LifecycleFact, PaneState, ProbeError } from './facts.ts';
export { judge } from './judge.ts';
export { massDeath } from './mass-death.ts';
export { RULES } from './rules.ts';
