import { execa } from 'execa';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import config from '../../../oxlint.config.ts';
import { repositoryRoot } from '../../support/environment.ts';

const PLUGIN = path.join(repositoryRoot, 'scripts/lint/relays.ts');

/** A room of the supervisor that implements the service of tasks, with one method. */
const room = (method: string, heritage = 'implements TasksService'): string => `class Desk ${heritage} { ${method} }`;

const REFUSED = {
  'handed on as it came': room('retry(id: string): Promise<Task> { return this.deps.engine.retry(id); }'),
  'taken out of its object': room('async retry({ id }) { return await this.deps.engine.retry(id); }'),
  'with the room taken by its name': room('retry({ id }) { const { engine } = this.deps; return engine.retry(id); }'),
  'with a word added': room("async pause({ id }) { return this.want(id, 'paused'); }"),
  'in another form': room('down({ purge, force }) { return this.deps.down(purge ? { force } : null); }'),
  'without an answer': room('async answer(input) { await this.deps.links.answer(input as Answer); }'),
  'of a service among others': room('retry(id) { return engine.retry(id); }', 'implements Disposable, TasksService'),
  'of a class that is a value': `export const desk = ${room('retry(id) { return engine.retry(id); }')};`,
};

const ACCEPTED = {
  'more to do': room('async show({ id }) { return explained(this.engine.get(id), this.agents()); }'),
  'asks who is meant': room('async stop({ id }) { await this.fleet.stop(this.names.agent(id)); }'),
  decides: room('async get(id) { const found = this.of(id); if (!found) throw unknown(id); return found; }'),
  'works while something is held': room('merge({ id }) { return this.lane.run(() => this.merge(id)); }'),
  'makes the answer': room('async pin({ id, n }) { return { agent: id, ...(await this.pin(n)) }; }'),
  'waits for several': room('async drain() { await Promise.all(this.pending); }'),
  private: room('#retry(id) { return this.engine.retry(id); }'),
  'of no service': room('retry(id) { return this.engine.retry(id); }', ''),
  'of something else': room('at(n) { return this.list.at(n); }', 'implements Iterable<string>'),
};

/** Names of the files that lint refuses. */
async function refused(examples: Readonly<Record<string, string>>): Promise<string[]> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'swarm-lint-'));
  try {
    const rules = {
      plugins: [],
      categories: { correctness: 'off' },
      jsPlugins: [PLUGIN],
      rules: { 'swarm/no-relay': 'error' },
    };
    await writeFile(path.join(dir, '.oxlintrc.json'), JSON.stringify(rules));
    for (const [name, code] of Object.entries(examples)) await writeFile(path.join(dir, `${name}.ts`), code);
    const oxlint = path.join(repositoryRoot, 'node_modules/oxlint/bin/oxlint');
    const { stdout } = await execa(process.execPath, [oxlint, '--format=json'], { cwd: dir, reject: false });
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
    expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(['swarm(no-relay)']));
    return diagnostics.map(({ filename }) => path.basename(filename, '.ts')).toSorted();
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('lint refuses a method of a service that only calls one other, and nothing else', async () => {
  expect(await refused({ ...REFUSED, ...ACCEPTED })).toEqual(Object.keys(REFUSED).toSorted());
});

test('the rooms of the supervisor are held to it', () => {
  const overrides = (config.overrides ?? []).filter(({ files }) => files.includes('src/supervisor/**'));
  expect(config.jsPlugins).toEqual(['./scripts/lint/relays.ts']);
  expect(overrides.map(({ rules }) => rules?.['swarm/no-relay'])).toEqual(['error']);
});

test('each part of the service is implemented by one room, which says so: lint sees it', async () => {
  const service = await readFile(path.join(repositoryRoot, 'src/api/service.ts'), 'utf8');
  const parts = [...service.matchAll(/readonly \w+: (\w+Service);/g)].map(([, name = '']) => name);
  const classes: string[] = [];
  for await (const file of glob('src/supervisor/**/*.ts', { cwd: repositoryRoot })) {
    const text = await readFile(path.join(repositoryRoot, file), 'utf8');
    classes.push(...[...text.matchAll(/class \w+ implements (\w+Service)\b/g)].map(([, name = '']) => name));
  }
  expect(parts.length).toBeGreaterThan(5);
  expect(classes.toSorted()).toEqual(parts.toSorted());
});
