import { findCycle } from '../domain/cycle.ts';
import { SwarmError } from '../domain/errors.ts';
import { nearest } from '../lib/nearest.ts';

/** The task that a reference in a batch names: one of the batch, by its place, or a stored one. */
export type Target = { inBatch: number } | { stored: number };

/** Most tasks of a cycle that the error names. */
const NAMED = 10;

/** Refuses a cycle. Throws SwarmError `dependency-cycle`, which names the tasks of the cycle in order. */
export function refuseCycle(edges: readonly (readonly number[])[], name: (place: number) => string): void {
  const cycle = findCycle(edges);
  if (cycle === undefined) return;
  const shown =
    cycle.length <= NAMED ? cycle.map(name) : [...cycle.slice(0, NAMED - 1).map(name), '…', name(cycle[0] ?? 0)];
  throw new SwarmError('dependency-cycle', `These tasks wait for each other: ${shown.join(' → ')}.`, {
    hint: 'Take one of these dependencies away.',
    exitCode: 2,
  });
}

/** SwarmError `unknown-task`, which offers the nearest right name. */
export function unknownTask(text: string, names: readonly string[], newest: string | undefined): SwarmError {
  const near = nearest(text, names, 1)[0];
  const hint =
    near !== undefined
      ? `Did you mean ${near}?`
      : newest === undefined
        ? 'There are no tasks yet; `swarm task add` makes one.'
        : `The newest is ${newest}; \`swarm task ls\` shows all.`;
  return new SwarmError('unknown-task', `There is no task ${JSON.stringify(text)}.`, { hint, exitCode: 2 });
}

/** Ids that are one slip of the finger away from this text: one character left out, doubled or swapped. */
export function nearIds(text: string): string[] {
  const digits = text.trim().replace(/^[#tT]/, '');
  if (!/^[0-9]{1,15}$/.test(digits)) return [];
  const found = new Set<string>();
  for (let at = 0; at < digits.length; at += 1) {
    found.add(digits.slice(0, at) + digits.slice(at + 1));
    if (at > 0) found.add(digits.slice(0, at - 1) + digits[at] + digits[at - 1] + digits.slice(at + 1));
  }
  return [...found].filter((each) => /^[1-9]/.test(each) && each !== digits).map((each) => `t${each}`);
}
