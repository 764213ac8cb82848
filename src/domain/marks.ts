/** Environment of a wrapper: `SWARM_WRAPPER=<project>/<agent>`. */
export const WRAPPER_MARK = 'SWARM_WRAPPER';
/**
 * Environment of every program of an agent: `SWARM_MARK=<project>/<agent>/<task>/<attempt>` (`-` where there is none).
 */
export const AGENT_MARK = 'SWARM_MARK';
