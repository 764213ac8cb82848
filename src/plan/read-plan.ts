import { findCycle } from '../domain/cycle.ts';
import { SwarmError } from '../domain/errors.ts';
import { looseTaskNumber } from '../domain/task-id.ts';
import type { FailurePolicy, Priority } from '../domain/task.ts';
import { nearest } from '../lib/nearest.ts';
import { readYaml, type YamlFile } from '../yaml/read.ts';
import { combinations, sizeOf, type Combination } from './matrix.ts';
import { MAX_TASKS, planSchema, type PlanFile, type PlanTask } from './schema.ts';
import { fillIn, UnknownVariable } from './variables.ts';

export interface PlannedEdge {
  /** Name of a task of the plan, or what may be the id or key of a stored one. */
  to: string;
  onFailure: FailurePolicy;
}

/** One task of a plan, its matrix and its variables worked out. */
export interface PlannedTask {
  /** `lint`, or `frontend[cart]` out of a matrix: unique in the plan. */
  name: string;
  title: string;
  prompt?: string | undefined;
  command?: string[] | undefined;
  after: PlannedEdge[];
  on?: string | undefined;
  priority?: Priority | undefined;
  needs?: string[] | undefined;
  agent?: string | undefined;
  timeoutMs?: number | undefined;
  retries?: number | undefined;
  verify?: string | undefined;
  budgetUsd?: number | undefined;
}

export interface Plan {
  name: string;
  tasks: PlannedTask[];
}

export interface PlanSources {
  /** Named in errors only. */
  file: string;
  /** Given by hand; they win over the plan's own. */
  vars: ReadonlyMap<string, string>;
  /** Text of a file that the plan names. */
  readFile: (name: string) => string;
}

type Path = readonly PropertyKey[];

/**
 * Reads a plan: all of it is good, or an error names file, line, key and what is accepted.
 * @throws SwarmError `bad-plan` (exit code 2)
 */
export function readPlan(text: string, sources: PlanSources): Plan {
  return new Reader(readYaml(text, sources.file, planSchema, 'bad-plan'), sources).plan();
}

class Reader {
  readonly #file: YamlFile<PlanFile>;
  readonly #sources: PlanSources;
  /** Variables that something uses. */
  readonly #used = new Set<string>();
  /** The tasks that a name stands for: its own, or those of its matrix. */
  readonly #members = new Map<string, string[]>();

  constructor(file: YamlFile<PlanFile>, sources: PlanSources) {
    this.#file = file;
    this.#sources = sources;
  }

  plan(): Plan {
    const { name, tasks: written } = this.#file.value;
    const entries = Object.entries(written);
    for (const [key] of entries) {
      if (looseTaskNumber(key) !== undefined)
        throw this.#bad(['tasks', key], 'key', `\`${key}\` reads like the id of a stored task`, 'Use another name.');
    }
    this.#refuseTooMany(entries);
    for (const [key, task] of entries) {
      const names = combinations(task.matrix).map(({ suffix }) => key + suffix);
      if (new Set(names).size < names.length) {
        const twice = names.find((each, at) => names.indexOf(each) !== at);
        throw this.#bad(['tasks', key, 'matrix'], 'value', `it gives \`${twice}\` twice`, 'Take one of them out.');
      }
      this.#members.set(key, names);
      for (const each of names) this.#members.set(each, [each]);
    }
    const tasks = entries.flatMap(([key, task]) => combinations(task.matrix).map((one) => this.#task(key, task, one)));
    this.#refuseUnused(entries);
    this.#refuseCycle(tasks);
    return { name, tasks };
  }

  #task(key: string, written: PlanTask, { suffix, values: own }: Combination): PlannedTask {
    const { defaults, vars } = this.#file.value;
    const values = new Map([...Object.entries(vars), ...this.#sources.vars, ...own].map(([x, v]) => [x, String(v)]));
    const place: Path = ['tasks', key];
    const fill = (value: string, path: Path): string => this.#fill(value, values, path);
    const each = (name: 'command' | 'needs'): string[] | undefined =>
      written[name]?.map((word, at) => fill(word, [...place, name, at])) ??
      (name === 'needs' ? defaults.needs?.map((word, at) => fill(word, ['defaults', name, at])) : undefined);
    const text = (name: 'agent' | 'verify'): string | undefined => {
      const from: Path = written[name] === undefined ? ['defaults', name] : [...place, name];
      const value = written[name] ?? defaults[name];
      return value === undefined ? undefined : fill(value, from);
    };
    return {
      name: key + suffix,
      title: written.title === undefined ? key + suffix : fill(written.title, [...place, 'title']),
      prompt: this.#prompt(place, written, fill),
      command: each('command'),
      after: written.after.flatMap((edge, at) =>
        this.#named(edge.task, [...place, 'after', at], key + suffix).map((to) => ({ to, onFailure: edge.onFailure })),
      ),
      on: this.#on(written.on, [...place, 'on'], key + suffix),
      priority: written.priority ?? defaults.priority,
      needs: each('needs'),
      agent: text('agent'),
      timeoutMs: written.timeout ?? defaults.timeout,
      retries: written.retries ?? defaults.retries,
      verify: text('verify'),
      budgetUsd: written.budget ?? defaults.budget,
    };
  }

  #prompt(place: Path, written: PlanTask, fill: (value: string, path: Path) => string): string | undefined {
    if (written.prompt !== undefined) return fill(written.prompt, [...place, 'prompt']);
    if (written.promptFile === undefined) return undefined;
    const path = [...place, 'promptFile'];
    const name = fill(written.promptFile, path);
    let text: string;
    try {
      text = this.#sources.readFile(name);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw this.#bad(path, 'value', `${name} cannot be read: ${why}`, 'Name a text file, as seen from the plan.');
    }
    return fill(text, path);
  }

  #fill(value: string, values: ReadonlyMap<string, string>, path: Path): string {
    try {
      return fillIn(value, values, this.#used);
    } catch (error) {
      if (!(error instanceof UnknownVariable)) throw error;
      const [near] = nearest(error.variable, [...values.keys()], 1);
      const hint =
        near === undefined
          ? `Give it one under \`vars\`, or with \`--var ${error.variable}=…\`; \\{{ stands for the text itself.`
          : `Did you mean \`{{${near}}}\`?`;
      throw this.#bad(path, 'value', `{{${error.variable}}} has no value`, hint);
    }
  }

  /** The tasks that a word names: of this plan, or else one that is stored. */
  #named(word: string, path: Path, self: string): string[] {
    const members = this.#members.get(word);
    if (members !== undefined) {
      if (members.includes(self)) throw this.#bad(path, 'value', `${self} would wait for itself`, 'Take it out.');
      return members;
    }
    if (looseTaskNumber(word) !== undefined) return [word];
    const [near] = nearest(word, [...this.#members.keys()], 1);
    const hint =
      near === undefined ? 'Name a task of this plan, or the id of a stored one.' : `Did you mean \`${near}\`?`;
    throw this.#bad(path, 'value', `there is no task \`${word}\` in this plan`, hint);
  }

  #on(word: string | undefined, path: Path, self: string): string | undefined {
    if (word === undefined) return undefined;
    const members = this.#named(word, path, self);
    if (members.length === 1) return members[0];
    const hint = `Name one, such as \`${members[0]}\`, or use \`after\`, which takes all of them.`;
    throw this.#bad(path, 'value', `\`${word}\` are ${members.length} tasks`, hint);
  }

  #refuseTooMany(entries: readonly [string, PlanTask][]): void {
    let sum = 0;
    for (const [key, { matrix }] of entries) {
      sum += sizeOf(matrix);
      if (sum > MAX_TASKS)
        throw this.#bad(
          ['tasks', key],
          'key',
          `with \`${key}\` the plan has ${sum} tasks`,
          `At most ${MAX_TASKS} are accepted; make several plans of it.`,
        );
    }
  }

  #refuseUnused(entries: readonly [string, PlanTask][]): void {
    const given = [...this.#sources.vars.keys()].find((name) => !this.#used.has(name));
    if (given !== undefined) {
      const [near] = nearest(given, [...this.#used], 1);
      throw new SwarmError('bad-plan', `${this.#sources.file}: nothing in it uses {{${given}}}, given by --var`, {
        hint: near === undefined ? 'Leave it away.' : `Did you mean \`${near}\`?`,
        exitCode: 2,
      });
    }
    const declared = Object.keys(this.#file.value.vars).map((name): Path => ['vars', name]);
    const ofMatrices = entries.flatMap(([key, { matrix }]) =>
      Object.keys(matrix ?? {}).map((name): Path => ['tasks', key, 'matrix', name]),
    );
    const unused = [...declared, ...ofMatrices].find((path) => !this.#used.has(String(path.at(-1))));
    if (unused !== undefined) {
      const name = String(unused.at(-1));
      throw this.#bad(unused, 'key', `nothing uses {{${name}}}`, 'Use it, or take it out.');
    }
  }

  #refuseCycle(tasks: readonly PlannedTask[]): void {
    const places = new Map(tasks.map(({ name }, place) => [name, place]));
    const edges = tasks.map(({ after, on }) =>
      [...after.map(({ to }) => to), ...(on === undefined ? [] : [on])].flatMap((to) => places.get(to) ?? []),
    );
    const cycle = findCycle(edges)?.map((place) => tasks[place]?.name ?? '?');
    if (cycle === undefined) return;
    const first = cycle[0] ?? '';
    const key = Object.keys(this.#file.value.tasks).find((each) => this.#members.get(each)?.includes(first)) ?? first;
    throw this.#bad(
      ['tasks', key],
      'key',
      `these tasks wait for each other: ${cycle.join(' → ')}`,
      'Take one of these dependencies away.',
    );
  }

  #bad(path: Path, where: 'key' | 'value', message: string, hint: string): SwarmError {
    return new SwarmError('bad-plan', `${this.#file.placeOf(path, where)}: ${path.join('.')}: ${message}`, {
      hint,
      exitCode: 2,
    });
  }
}
