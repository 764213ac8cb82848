/** The measures against a stuck agent, from the gentlest on. */
export const RUNGS = ['note', 'nudge', 'interrupt', 'restart', 'rollback', 'reassign', 'fail'] as const;
export type Rung = (typeof RUNGS)[number];
