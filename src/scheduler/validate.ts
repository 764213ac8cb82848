import { SwarmError } from '../domain/errors.ts';
import { looseTaskNumber } from '../domain/task-id.ts';
import { PRIORITIES, type Dependency, type TaskSpec } from '../domain/task.ts';
import { nearest } from '../lib/nearest.ts';

export interface SpecRules {
  /** The existing agents; absent: any name is accepted. */
  agents?: (() => readonly { id: string; kind: 'claude' | 'shell' }[]) | undefined;
  /** Names of verify commands in the config; absent: any name is accepted. */
  verifyNames?: (() => readonly string[]) | undefined;
}

/** With each dependency once, and its policy. */
export type NormalSpec = Omit<TaskSpec, 'after'> & { after: Dependency[] };

export const LIMITS = {
  title: 500,
  prompt: 1_000_000,
  command: 1_000,
  after: 1_000,
  needs: 50,
  retries: 100,
  key: 200,
  timeoutMs: 7 * 86_400_000,
} as const;

const CAPABILITY = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export function kindOf(spec: TaskSpec): 'claude' | 'shell' {
  return spec.command === undefined ? 'claude' : 'shell';
}

/**
 * The spec with its title trimmed and doubles removed. Throws SwarmError `bad-task`, `unknown-agent` or
 * `unknown-verify`.
 */
export function normaliseSpec(spec: TaskSpec, rules: SpecRules): NormalSpec {
  const title = spec.title.trim();
  if (title === '') throw bad('it has no title', 'Give it a title, which says in a line what is to be done.');
  if (title.length > LIMITS.title)
    throw bad(
      `its title has ${title.length} characters`,
      `Use at most ${LIMITS.title}; the rest belongs in the prompt.`,
    );
  if (/\p{Cc}/u.test(title))
    throw bad(
      'its title has a line break or another control character',
      'Put one line in the title, the rest in the prompt.',
    );
  if ((spec.prompt?.length ?? 0) > LIMITS.prompt)
    throw bad(`its prompt is longer than ${LIMITS.prompt} characters`, 'Put the text in a file and name the file.');
  if (!PRIORITIES.includes(spec.priority))
    throw bad(`its priority is ${JSON.stringify(spec.priority)}`, `Use one of ${PRIORITIES.join(', ')}.`);
  checkCommand(spec.command);
  const needs = [...new Set(spec.needs)].sort();
  checkNumbers(spec, needs);
  checkKey(spec.key);
  checkAgent(spec, rules);
  checkVerify(spec.verify, rules);
  return { ...spec, title, needs, after: uniform(spec.after) };
}

/** Each dependency once; of two policies for one, a person's look comes first. */
function uniform(after: TaskSpec['after']): Dependency[] {
  const found = new Map<string, Dependency>();
  for (const each of after) {
    const one: Dependency = typeof each === 'string' ? { task: each, onFailure: 'block' } : each;
    const before = found.get(one.task);
    if (before === undefined) found.set(one.task, one);
    else if (before.onFailure !== one.onFailure)
      throw bad(`it waits for ${one.task} twice, with two policies`, 'Name it once.');
  }
  return [...found.values()];
}

function checkCommand(command: readonly string[] | undefined): void {
  if (command === undefined) return;
  if ((command[0] ?? '') === '') throw bad('its command is empty', 'Give the program and its arguments.');
  if (command.length > LIMITS.command)
    throw bad(`its command has ${command.length} arguments`, `Use at most ${LIMITS.command}.`);
  if (command.some((each) => each.includes('\0')))
    throw bad('its command has a NUL character', 'Take it out: no program can be given one.');
}

function checkNumbers(spec: TaskSpec, needs: readonly string[]): void {
  const wrong = needs.find((need) => !CAPABILITY.test(need));
  if (wrong !== undefined)
    throw bad(
      `${JSON.stringify(wrong)} is no capability`,
      'Use lower-case letters, digits, dot, dash and underscore, at most 63.',
    );
  if (needs.length > LIMITS.needs) throw bad(`it needs ${needs.length} capabilities`, `Use at most ${LIMITS.needs}.`);
  if (spec.after.length > LIMITS.after)
    throw bad(`it waits for ${spec.after.length} tasks`, `Use at most ${LIMITS.after}.`);
  if (!isWhole(spec.retries, 0, LIMITS.retries))
    throw bad(`retries is ${spec.retries}`, `Use a whole number from 0 to ${LIMITS.retries}.`);
  if (spec.timeoutMs !== undefined && !isWhole(spec.timeoutMs, 1, LIMITS.timeoutMs)) {
    throw bad(`its timeout is ${spec.timeoutMs} ms`, 'Use a time from 1 ms to 7 days.');
  }
  if (spec.budgetUsd !== undefined && !(Number.isFinite(spec.budgetUsd) && spec.budgetUsd > 0)) {
    throw bad(`its budget is ${spec.budgetUsd}`, 'Use an amount in USD above 0, or none.');
  }
}

function checkKey(key: string | undefined): void {
  if (key === undefined) return;
  if (key === '' || key.length > LIMITS.key)
    throw bad(`its key has ${key.length} characters`, `Use 1 to ${LIMITS.key}.`);
  if (looseTaskNumber(key) !== undefined)
    throw bad(`its key ${JSON.stringify(key)} reads like a task's id`, 'Use another key.');
}

function checkAgent(spec: TaskSpec, rules: SpecRules): void {
  if (spec.agent === undefined || rules.agents === undefined) return;
  const agents = rules.agents();
  const agent = agents.find(({ id }) => id === spec.agent);
  if (agent === undefined) {
    const names = agents.map(({ id }) => id);
    const near = nearest(spec.agent, names, 1)[0];
    throw new SwarmError('unknown-agent', `There is no agent ${JSON.stringify(spec.agent)}.`, {
      hint:
        near !== undefined
          ? `Did you mean ${near}?`
          : names.length > 0
            ? `There are ${names.join(', ')}.`
            : 'Start some with `swarm up 3`.',
      exitCode: 2,
    });
  }
  if (agent.kind !== kindOf(spec)) {
    throw bad(
      `${agent.id} is a ${agent.kind} agent, and this is a ${kindOf(spec)} task`,
      `Name an agent of kind ${kindOf(spec)}, or none.`,
    );
  }
}

function checkVerify(verify: string | undefined, rules: SpecRules): void {
  if (verify === undefined || verify === 'none' || rules.verifyNames === undefined) return;
  const names = rules.verifyNames();
  if (names.includes(verify)) return;
  const near = nearest(verify, names, 1)[0];
  throw new SwarmError('unknown-verify', `There is no verify command ${JSON.stringify(verify)} in swarm.yaml.`, {
    hint:
      near !== undefined ? `Did you mean ${near}?` : `Use ${[...names, 'none'].join(', ')}, or add it to swarm.yaml.`,
    exitCode: 2,
  });
}

function isWhole(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function bad(what: string, hint: string): SwarmError {
  return new SwarmError('bad-task', `The task cannot be taken: ${what}.`, { hint, exitCode: 2 });
}
