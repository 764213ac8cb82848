/** What is done about an agent that is stuck, from the gentlest on. */
export const RUNGS = ['note', 'nudge', 'interrupt', 'restart', 'rollback', 'reassign', 'fail'] as const;
export type Rung = (typeof RUNGS)[number];
