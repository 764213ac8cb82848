import { describe, expect, it } from 'vitest';
import { completionLines } from '../../../../src/cli/complete/complete.ts';
import { planCompletion } from '../../../../src/cli/complete/completion-plan.ts';
import { buildProgram } from '../../../../src/cli/program.ts';
import { screen, world } from '../run.ts';

const program = await buildProgram(world([], screen()), () => undefined);
const plan = (...words: string[]) => planCompletion(program, words);
/** The candidates in bash, without the names of any project. */
const offers = (...words: string[]): string[] => completionLines(plan(...words), [], 'bash');

describe('completion', () => {
  it('offers the verbs, and not the hidden one', () => {
    expect(offers('')).toEqual(
      expect.arrayContaining(['up', 'down', 'status', 'events', 'scale', 'doctor', 'init', 'task']),
    );
    expect(offers('')).not.toContain('__complete');
    expect(offers('sta')).toEqual(['status']);
    expect(offers('--json', 'sta')).toEqual(['status']);
  });

  it('offers the verbs of a group, and beside them the names that the group itself takes', () => {
    expect(offers('task', '').slice(0, 6)).toEqual(['add', 'run', 'ls', 'show', 'wait', 'cancel']);
    expect(plan('checkpoint', '').live).toBe('agents');
    expect(offers('checkpoint', '')).toContain('ls');
    expect(plan('checkpoint', 'diff', 'worker-1', '')).toMatchObject({ live: 'checkpoints' });
    expect(plan('checkpoint', 'ls', '')).toMatchObject({ live: 'agents', candidates: [] });
  });

  it('offers options of the verb and of swarm', () => {
    expect(offers('up', '--')).toEqual(expect.arrayContaining(['--detach', '--trust', '--json', '--directory']));
    expect(offers('task', 'add', '--pri')).toEqual(['--priority']);
  });

  it('offers what an option accepts, however it is written', () => {
    expect(offers('task', 'ls', '--state', 'd')).toEqual(['done', 'dead']);
    expect(offers('task', 'ls', '--state', '=', 'd')).toEqual(['done', 'dead']);
    expect(offers('task', 'ls', '--state', '=')).toContain('cancelled');
    expect(completionLines(plan('task', 'ls', '--state=d'), [], 'zsh')).toEqual(['--state=done', '--state=dead']);
  });

  it.each([
    [['attach', ''], 'agents'],
    [['stop', 'worker-1', 'w'], 'agents'],
    [['logs', ''], 'logs'],
    [['task', 'show', ''], 'tasks'],
    [['task', 'wait', 't1', ''], 'tasks'],
    [['task', 'add', 'title', '--after', 't1', ''], 'tasks'],
    [['task', 'add', 'title', '--agent', ''], 'agents'],
    [['events', '--agent', ''], 'agents'],
    [['merge', 't1', '--into', ''], 'branches'],
    [['rollback', 'worker-1', ''], 'checkpoints'],
    [['attach', 'worker-1', ''], null],
    [['task', 'add', 'title', '--', 'npm', ''], null],
    [['task', 'add', 'title', '--command', 'npm', '--agent', ''], null],
  ] as const)('after %j come %s', (words, live) => {
    expect(plan(...words).live).toBe(live);
  });

  it('knows where an answer, a file and a directory belong', () => {
    expect(offers('answer', 'worker-1', '')).toEqual(['allow', 'deny']);
    expect(offers('task', 'add', 'x', '--prompt-file', '')).toEqual([':files']);
    expect(offers('-C', '')).toEqual([':directories']);
    expect(plan('-C', '/r', 'attach', '').directory).toBe('/r');
  });

  it('leaves out what stands there already and what does not begin so, and describes where the shell can show it', () => {
    const live = [
      { value: 'worker-1', about: 'idle' },
      { value: 'worker-2', about: 'working t1\n' },
    ];
    expect(completionLines(plan('stop', 'worker-1', 'w'), live, 'fish')).toEqual(['worker-2\tworking t1']);
    expect(completionLines(plan('stop', 'w'), live, 'bash')).toEqual(['worker-1', 'worker-2']);
    expect(completionLines(plan('stop', 'x'), live, 'bash')).toEqual([]);
  });
});
