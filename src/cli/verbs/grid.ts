import { later, type Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'the terminals of all agents side by side, to look at',
  run: later(async () => (await import('../screen/grid.ts')).grid),
};
