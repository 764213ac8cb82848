/** Environment of a wrapper: `SWARM_WRAPPER=<project>/<agent>`. */
export const WRAPPER_MARK = 'SWARM_WRAPPER';
/** Environment of whatever an agent runs: `SWARM_MARK=<project>/<agent>/<task>/<attempt>` (`-` where there is none). */
export const AGENT_MARK = 'SWARM_MARK';
