import { prepareTask } from '../../../src/git/task/prepare-task.ts';
import { cleanLitter } from '../../../src/git/worktree/litter.ts';
import { removeWorktree } from '../../../src/git/worktree/worktrees.ts';

/** Does one step in a process of its own, whose user's rights count, and prints what came of it. */
const STEPS = {
  prepare: prepareTask,
  clean: ({ worktree, commit }: { worktree: string; commit: string }) => cleanLitter(worktree, commit),
  remove: removeWorktree,
};

const [name = '', argument = ''] = process.argv.slice(2);
const step = STEPS[name as keyof typeof STEPS] as (argument: unknown) => Promise<unknown>;
try {
  console.log(JSON.stringify({ done: (await step(JSON.parse(argument))) ?? null }));
} catch (error) {
  const { code, message, hint } = error as Error & { code?: string; hint?: string };
  console.log(JSON.stringify({ code, message, hint }));
}
