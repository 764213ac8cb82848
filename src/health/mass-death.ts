/** Fewer deaths than this are coincidence. */
const FEWEST = 3;

/**
 * When so many die at once the cause is not in any of them (the machine, the tmux server, an update, a login):
 * restarting each makes it worse.
 * @param dead how many died within one interval
 * @param total how many there were at its beginning
 */
export function massDeath(dead: number, total: number): boolean {
  return dead >= FEWEST && dead * 2 >= total;
}
