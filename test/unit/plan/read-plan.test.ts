import { describe, expect, test } from 'vitest';
import { SwarmError } from '../../../src/domain/errors.ts';
import { readPlan, type Plan } from '../../../src/plan/read-plan.ts';

const FILES: Record<string, string> = { 'brief.md': 'Look at {{module}}.' };

function read(text: string, vars: Record<string, string> = {}): Plan {
  return readPlan(text, {
    file: 'plan.yaml',
    vars: new Map(Object.entries(vars)),
    readFile: (name) => {
      const found = FILES[name];
      if (found === undefined) throw new Error('ENOENT');
      return found;
    },
  });
}

function refusal(text: string, vars: Record<string, string> = {}): string {
  try {
    read(text, vars);
  } catch (error) {
    if (error instanceof SwarmError) return `${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error('it was accepted');
}

const NIGHT = `name: night
vars: {module: cart}
defaults: {retries: 1, verify: test}
tasks:
  design:   {prompt: "Design {{module}}", needs: [design]}
  backend:  {prompt: "Build it", after: [design]}
  frontend: {prompt: "Show {{page}}", after: [design], matrix: {page: [cart, checkout]}}
  tests:    {prompt: "Test it", after: [backend, frontend], priority: high, retries: 0}
  lint:     {command: [npm, run, "lint {{module}}"], after: [{task: tests, onFailure: continue}], timeout: 5m}
`;

describe('A plan', () => {
  test('gives its tasks with variables, defaults and matrix worked out', () => {
    const { name, tasks } = read(NIGHT, { module: 'two words; $(x)' });
    expect(name).toBe('night');
    expect(tasks.map((task) => task.name)).toEqual([
      'design',
      'backend',
      'frontend[cart]',
      'frontend[checkout]',
      'tests',
      'lint',
    ]);
    const [design, , cart, , tests, lint] = tasks;
    expect(design).toMatchObject({ prompt: 'Design two words; $(x)', needs: ['design'], retries: 1, verify: 'test' });
    expect(cart).toMatchObject({ title: 'frontend[cart]', prompt: 'Show cart' });
    expect(tests).toMatchObject({ priority: 'high', retries: 0 });
    expect(tests?.after).toEqual(
      ['backend', 'frontend[cart]', 'frontend[checkout]'].map((to) => ({ to, onFailure: 'block' })),
    );
    // One word, whatever the value holds.
    expect(lint).toMatchObject({ command: ['npm', 'run', 'lint two words; $(x)'], timeoutMs: 300_000 });
    expect(lint?.after).toEqual([{ to: 'tests', onFailure: 'continue' }]);
  });

  test('may name one task of a matrix, a stored task, a file, and braces that mean themselves', () => {
    const { tasks } = read(`name: p
vars: {module: cart}
tasks:
  a: {promptFile: brief.md, matrix: {n: [1, 2], to: [x, y]}, title: "{{n}}{{to}}"}
  b: {command: [echo, 'at \\{{ github.sha }}'], on: "a[2,x]", after: [t12]}
`);
    expect(tasks.map(({ name, title }) => `${name} ${title}`)).toEqual([
      'a[1,x] 1x',
      'a[1,y] 1y',
      'a[2,x] 2x',
      'a[2,y] 2y',
      'b b',
    ]);
    expect(tasks[0]?.prompt).toBe('Look at cart.');
    expect(tasks[4]).toMatchObject({
      command: ['echo', 'at {{ github.sha }}'],
      on: 'a[2,x]',
      after: [{ to: 't12', onFailure: 'block' }],
    });
  });
});

describe('A plan is refused, with its line, for', () => {
  const of = (tasks: string, vars = '{}'): string => `name: p\nvars: ${vars}\ntasks:\n${tasks}\n`;
  test.each([
    ['nothing in it', '', /name: nothing is not accepted.*Write text/],
    ['no task', 'name: p\ntasks: {}', /plan\.yaml:2:8: tasks: .*at least one task/],
    ['a wrong key', of('  a: {promt: x}'), /plan\.yaml:4:7: there is no key `promt` under `tasks.a`.*`prompt`/],
    ['a wrong policy', of('  a: {after: [{task: b, onFailure: fail}]}'), /plan\.yaml:4:.*block, skip or continue/],
    ['a prompt and a command', of('  a: {prompt: x, command: [y]}'), /plan\.yaml:4:6: .*only one of prompt/],
    ['a task that is not there', of('  build: {prompt: x}\n  b: {after: [buidl]}'), /5:15: .*`buidl`.*mean `build`/],
    ['a name that reads like an id', of('  t1: {prompt: x}'), /4:3: .*reads like the id/],
    ['an unknown variable', of('  a: {prompt: "{{modul}} {{module}}"}', '{module: x}'), /4:15: .*mean `\{\{module}}`/],
    ['braces that are no variable', of('  a: {prompt: "{{ .x }}"}'), /4:15: .*\{\{\.x}} has no value/],
    ['an unused variable', of('  a: {prompt: x}', '{module: x}'), /2:8: .*nothing uses \{\{module}}/],
    ['an unused value of a matrix', of('  a: {prompt: x, matrix: {n: [1]}}'), /4:27: .*nothing uses \{\{n}}/],
    ['the same task twice', of('  a: {prompt: "{{n}}", matrix: {n: [1, "1"]}}'), /4:32: .*`a\[1]` twice/],
    ['on of several', of('  a: {prompt: "{{n}}", matrix: {n: [1, 2]}}\n  b: {on: a}'), /5:11: .*2 tasks.*a\[1]/],
    ['itself', of('  a: {after: [a]}'), /4:15: .*would wait for itself/],
    ['a cycle', of('  z: {prompt: x}\n  a: {after: [c]}\n  b: {after: [a]}\n  c: {on: b}'), /5:3: .*a → c → b → a/],
    ['a file that is not there', of('  a: {promptFile: no.md}'), /4:19: .*no\.md cannot be read/],
    [
      'more tasks than are stored at once',
      of(
        `  a: {prompt: "{{i}}{{j}}{{k}}", matrix: {${['i', 'j', 'k'].map((x) => `${x}: [${Array.from({ length: 100 }, (_, n) => n).join(', ')}]`).join(', ')}}}`,
      ),
      /4:3: .*1000000 tasks.*At most 10000/,
    ],
  ])('%s', (_name, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  test('a value by hand that nothing uses', () => {
    expect(refusal(NIGHT, { modul: 'x' })).toMatch(/nothing in it uses \{\{modul}}.*mean `module`/);
  });
});
