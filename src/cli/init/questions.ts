import { ask } from '../project/ask.ts';
import type { Context } from '../project/context.ts';
import { plain } from '../say/output.ts';
import { splitCommand } from './argv.ts';
import { allowRule, type Detected } from './detect.ts';
import type { VerifyCommand } from './types.ts';
import type { InitAnswers } from './template.ts';
import { needsText, type WorktreeNeeds } from './worktree.ts';

const NOTHING: WorktreeNeeds = { copy: [], link: [], setup: [] };
const DEFAULT_WORKERS = 3;
const MOST_WORKERS = 200;

export function defaultAnswers(detected: Detected, base: string | null): InitAnswers {
  const { verify, allow, worktree } = detected;
  return { workers: DEFAULT_WORKERS, verify, allow, worktree, base, unanswered: 'deny' };
}

/** Asks at most five questions; Enter takes the answer in brackets. */
export async function askPerson(context: Context, defaults: InitAnswers): Promise<InitAnswers> {
  const test = await askTest(context, defaults.verify);
  const others = defaults.verify.filter(({ name }) => name !== 'test');
  const verify = [...(test === null ? [] : [test]), ...others];
  const rules = [...new Set([...(test === null ? [] : [allowRule(test.argv)]), ...defaults.allow])];
  const allow =
    rules.length === 0 || (await yes(context, `Agents may run without asking: ${rules.join(', ')}`)) ? rules : [];
  const workers = await askUntil(context, `How many agents? [${defaults.workers}] `, (typed) =>
    readWorkers(typed, defaults.workers),
  );
  const branch =
    (await ask(context, `Branch that tasks start from [${defaults.base ?? 'whatever is checked out'}] `)) ||
    defaults.base;
  const needs = needsText(defaults.worktree);
  if (needs !== '') {
    // The last of five: the policy for unanswered questions is in the file, with its default.
    const worktree = (await yes(context, `New worktrees get what git does not bring: ${needs}`))
      ? defaults.worktree
      : NOTHING;
    return { workers, verify, allow, worktree, base: branch, unanswered: defaults.unanswered };
  }
  const deny = await yes(context, 'Answer permission questions with no after 10 minutes, when no person is there');
  return { workers, verify, allow, worktree: NOTHING, base: branch, unanswered: deny ? 'deny' : 'wait' };
}

async function askTest(context: Context, verify: readonly VerifyCommand[]): Promise<VerifyCommand | null> {
  const found = verify.find(({ name }) => name === 'test') ?? null;
  const question = `Command that proves a task's work [${found === null ? 'none' : found.argv.join(' ')}; - for none] `;
  return await askUntil(context, question, (typed) => {
    if (typed === '') return { value: found };
    if (typed === '-') return { value: null };
    const argv = splitCommand(typed);
    if (argv === null || argv.length === 0)
      return { again: 'One program with its arguments is needed; put what needs a shell into a script.' };
    return { value: { name: 'test', argv, from: 'you' } };
  });
}

type Reading<T> = { value: T } | { again: string };

/** Asks until the answer is valid; at the end of the input the default counts. */
async function askUntil<T>(context: Context, question: string, read: (typed: string) => Reading<T>): Promise<T> {
  for (;;) {
    const reading = read(await ask(context, question));
    if ('value' in reading) return reading.value;
    context.output.note(reading.again);
  }
}

export function readWorkers(typed: string, usual: number): Reading<number> {
  if (typed === '') return { value: usual };
  const count = /^\d+$/.test(typed) ? Number(typed) : 0;
  if (count >= 1 && count <= MOST_WORKERS) return { value: count };
  return { again: `A number from 1 to ${MOST_WORKERS} is accepted.` };
}

async function yes(context: Context, question: string): Promise<boolean> {
  return !/^(n|no)$/i.test(await ask(context, `${plain(question)}? [Y/n] `));
}
