export type { Evidence, HealthFacts, Judgement, LifecycleFact, PaneState, ProbeError } from './facts.ts';
export { awakeSince, GapWatch, type Gap } from './awake.ts';
export type { ScreenFact, Signs, Trouble, TroubleLimits } from './facts.ts';
export { judge } from './judge.ts';
export { crossings, type Crossing, type Limits, type Taken } from './limits.ts';
export { historyOf, type History } from './history.ts';
export { isTyping } from './work-rules.ts';
export {
  AlertBook,
  conditionsOf,
  isAtLeast,
  type AlertChange,
  type Condition,
  type Observed,
  type OpenAlert,
  type Severity,
} from './alerts.ts';
export { booked, inPeriod, NEW_LEDGER, periodOf, standing, type Ledger, type Standing } from './budget.ts';
export {
  died,
  massDeath,
  mortalityMoved,
  NOBODY_DIED,
  proving,
  type MassDeathHold,
  type MassDeathRules,
  type Mortality,
} from './mass-death.ts';
export { degradedOf } from './degraded.ts';
export { RULES } from './rules.ts';
export { lackOfHeadroom } from './headroom.ts';
export { resetTime } from './reset-time.ts';
export {
  accountMoved,
  FREE,
  failed,
  hurried,
  probing,
  succeeded,
  failureKind,
  type Account,
  type AccountRules,
  type Prober,
} from './account.ts';
