import { expect, test } from 'vitest';
import {
  answerPrompt,
  handoffPrompt,
  interruptedPrompt,
  taskPrompt,
  verifyFailedPrompt,
  type Preparation,
} from '../../../../src/wrapper/task/prompt.ts';
import type { TaskOrder } from '../../../../src/coordination/messages.ts';

const plain: Preparation = {
  resumed: false,
  branch: 'swarm/task/t7',
  conflict: null,
  leftovers: [],
  checkpoint: null,
  sessionId: null,
};
const order: TaskOrder = {
  task: 't7',
  attempt: 2,
  slot: 0,
  title: 'Add a search box',
  kind: 'claude',
  prompt: 'It should search titles.',
  command: null,
  leaseMs: 60_000,
  base: { branch: 'main', commit: 'abc' },
  dependencies: [],
  on: null,
  timeoutMs: null,
  verify: null,
  verifyFollowUps: 1,
  budgetUsd: null,
  resume: null,
  history: [],
};

test('a plain task is its title, its text and how to finish, and nothing more', () => {
  const prompt = taskPrompt(order, plain);
  expect(prompt).toMatch(/^# Task t7: Add a search box\n\nIt should search titles\.\n\n## How to finish\n/);
  for (const tool of ['complete_task', 'fail_task', 'ask_person']) expect(prompt).toContain(tool);
  expect(prompt.match(/^## /gm)).toHaveLength(1);
});

test('the title serves as the text where there is none', () => {
  expect(taskPrompt({ ...order, prompt: null }, plain)).toContain('# Task t7: Add a search box\n\nAdd a search box\n');
});

test('what came before is told: dependencies, the task gone on from, leftovers, earlier attempts, the check', () => {
  const prompt = taskPrompt(
    {
      ...order,
      dependencies: [{ task: 't1', title: 'Index', commit: 'c1', summary: 'Wrote index.ts' }],
      on: { task: 't2', title: 'Page', commit: 'c2', summary: '' },
      history: [{ attempt: 1, agent: 'worker-2', outcome: 'failed', error: 'the build broke' }],
      verify: { name: 'test', argv: ['npm', 'test'] },
    },
    { ...plain, leftovers: ['old.txt'], checkpoint: 4 },
  );
  expect(prompt).toContain('### t1: Index\nWrote index.ts');
  expect(prompt).toContain('### t2: Page (you go on from its result)\n(no summary)');
  expect(prompt).toContain('They are kept in checkpoint 4.\n\n- old.txt');
  expect(prompt).toContain('- attempt 1 by worker-2: failed: the build broke');
  expect(prompt).toContain('`npm test` (test)');
});

test('a conflict is the first job, with its files and the merges that are still to come', () => {
  const conflict = { task: 't1', files: ['a.ts', 'b.ts'], remaining: [{ task: 't2', commit: 'c2' }] };
  const prompt = taskPrompt(order, { ...plain, conflict });
  expect(prompt.indexOf('First of all')).toBeGreaterThan(0);
  expect(prompt).toContain('- a.ts\n- b.ts');
  expect(prompt).toContain('- t2: `git merge --no-edit c2`');
});

test('the end of a failed check is quoted, and output that looks like a fence cannot end the quote', () => {
  const output = `${'x'.repeat(10_000)}\n\`\`\`\nlast line`;
  const prompt = verifyFailedPrompt(order, { what: 'npm test', exit: 'exit 1', output });
  expect(prompt).toContain('`npm test` ended with exit 1');
  expect(prompt).toMatch(/````\n[^]*last line\n````/);
  expect(prompt.length).toBeLessThan(7_500);
});

test('going on names the reason, a hand-off repeats the task, an answer its question', () => {
  expect(interruptedPrompt(order, 'signal SIGKILL')).toContain(
    'You were interrupted (signal SIGKILL) while you worked on task t7',
  );
  expect(handoffPrompt(order, plain, 'the machine restarted')).toContain('# Task t7: Add a search box');
  expect(answerPrompt('Which colour?', 'blue')).toBe('You asked: Which colour?\n\nThe answer of the person: blue');
});

test('where the project uses ports, the agent is told its own in one line', () => {
  const prompt = taskPrompt(order, { ...plain, ports: { base: 20_040, size: 20 } });
  expect(prompt).toMatch(/^.*ports 20040 to 20059 only \(the variable SWARM_PORT_BASE is 20040\)\.$/m);
  expect(taskPrompt(order, plain)).not.toContain('SWARM_PORT_BASE');
});

test('where there are submodules the agent is told to commit in them itself', () => {
  expect(taskPrompt(order, { ...plain, submodules: true })).toContain('Commit what you change inside one');
  expect(taskPrompt(order, plain)).not.toContain('submodule');
});
