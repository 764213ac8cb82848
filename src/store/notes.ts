/** Keys of the small facts that a project's store keeps (see KeyValues). */

/** Last word of the person, `up` or `down`. */
export const STATE_KEY = 'swarm.desired';
/** What tasks start from, as of the last `up`. */
export const BASE_KEY = 'swarm.base';
/** Whether the person has said that this repository may be worked in. */
export const TRUST_KEY = 'swarm.trusted';
