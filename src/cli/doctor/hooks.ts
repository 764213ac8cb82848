import path from 'node:path';
import { hooksGate } from '../../claude/preflight.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import type { Diagnosis } from './finding.ts';
import type { Patient } from './patient.ts';

/**
 * Checks for settings of Claude Code that keep swarm from seeing what agents do: those of each agent's worktree, which
 * an agent or its branch can have changed, and those of the main checkout, with which the next worktree is made.
 */
export async function checkHooks({ context, layout, config }: Patient): Promise<Diagnosis[]> {
  const isClaude = (role: string): boolean => config.agents[role]?.kind === 'claude';
  if (!Object.entries(config.agents).some(([role, { count }]) => isClaude(role) && count > 0)) return [];
  const worktrees = (await listWorktrees(layout.root)).filter(
    ({ path: place, missing }) => !missing && path.dirname(place) === layout.worktreesDir && isClaude(roleOf(place)),
  );
  const places = [layout.root, ...worktrees.map(({ path: place }) => place)];
  const found = await Promise.all(places.map((cwd) => hooksGate(context.env, { root: layout.root, cwd })));
  // A file that counts in several places is named once.
  const distinct = new Map(found.filter((gate) => gate !== null).map((gate) => [gate.message, gate]));
  return [...distinct.values()].map(({ message, cure }) => ({
    check: 'claude-hooks',
    severity: 'error',
    text: message.replace(/\.$/, ''),
    cure,
  }));
}

/** `worker-1` is of the role worker. */
function roleOf(worktree: string): string {
  return path.basename(worktree).replace(/-\d+$/, '');
}
