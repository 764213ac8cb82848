import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../support/environment.ts';

/** What a file loads with itself: imports of types alone cost nothing, and `import()` waits until it is called. */
const LOADED = /^(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;

function loadedBy(entry: string): Set<string> {
  const loaded = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    if (!file.startsWith('src/')) continue;
    const text = readFileSync(path.join(repositoryRoot, file), 'utf8');
    for (const [, name = ''] of text.matchAll(LOADED))
      waiting.push(name.startsWith('.') ? path.posix.join(path.posix.dirname(file), name) : name);
  }
  return loaded;
}

test.each(['src/api/client.ts', 'src/cli/main.ts', 'src/cli/verbs/status.ts', 'src/dashboard/open.tsx'])(
  '%s starts without the library of schemas, which takes longer to load than all the rest',
  (entry) => {
    const loaded = loadedBy(entry);
    expect([...loaded].filter((file) => file === 'zod' || file.endsWith('/schemas.ts'))).toEqual([]);
  },
);

test('what a file loads is followed through all that it imports', () => {
  const loaded = loadedBy('src/api/server.ts');
  expect(loaded).toContain('zod');
  expect(loaded).toContain('src/api/tasks/schemas.ts');
  expect(loadedBy('src/api/client.ts')).toContain('src/api/tasks/routes.ts');
});
