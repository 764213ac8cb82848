import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test as base } from 'vitest';
import { approveConfig, approvePrograms } from '../../../../src/cli/project/approve.ts';
import type { Context } from '../../../../src/cli/project/context.ts';
import { approvalFile, approvalHash, isApproved, parseConfig, programsOf } from '../../../../src/config/index.ts';
import type { ProjectLayout } from '../../../../src/domain/layout.ts';
import { screen, thrown } from '../run.ts';

type Approve = (text: string, yes?: boolean, how?: typeof approveConfig) => Promise<string>;

/** Approves this swarm.yaml as one fresh clone would, without a terminal; resolves to what the person was shown. */
const test = base.extend<{ place: string; approve: Approve }>({
  place: async ({}, use) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'sw-approve-'));
    await use(directory);
    await rm(directory, { recursive: true });
  },
  approve: async ({ place }, use) => {
    await use(async (text, yes = false, how = approveConfig) => {
      const shown = screen();
      const context = { output: shown.output, interactive: false } as Context;
      const layout = { root: place, stateDir: place } as ProjectLayout;
      await how(context, layout, parseConfig(text, 'swarm.yaml'), yes);
      return shown.stderr();
    });
  },
});

const WIDE = [
  ['agents: {worker: {permissionMode: bypassPermissions}}', 'run everything without asking'],
  ['agents: {worker: {permissionMode: auto}}', 'a model of Claude Code, not you, decides'],
  ['agents: {worker: {allow: ["Bash(*)"]}}', 'agents.worker.allow: Bash(*)'],
  ['agents: {other: {deny: ["Bash(git push:*)"]}}', 'agents.other.deny: Bash(git push:*)'],
] as const;

for (const [text, shown] of WIDE)
  test(`a cloned swarm.yaml with ${text} is shown and asked about, once`, async ({ approve }) => {
    const refused = await thrown(() => approve(text));
    expect(refused).toMatchObject({ code: 'not-approved', exitCode: 2 });
    expect(refused.message).toContain('the permissions in');
    expect(await approve(text, true)).toContain(shown);
    expect(await approve(text)).toBe('');
  });

test('a change of what agents may do is asked about again, and the default of swarm never', async ({ approve }) => {
  expect(await approve('agents: {worker: {permissionMode: acceptEdits, count: 9}}')).toBe('');
  expect(await approve('agents: {worker: {kind: shell, allow: ["Bash(*)"]}}')).toBe('');
  await approve('agents: {worker: {allow: ["Bash(make:*)"]}}', true);
  await thrown(() => approve('agents: {worker: {allow: ["Bash(make:*)", "Bash(rm:*)"]}}'));
});

test('who agreed to the programs before permissions were asked about is asked once more, about these alone', async ({
  approve,
  place,
}) => {
  const text = 'verify: {test: [npm, test]}\nagents: {worker: {allow: ["Bash(*)"]}}';
  const config = parseConfig(text, 'swarm.yaml');
  await writeFile(approvalFile(place), JSON.stringify({ hash: approvalHash(programsOf(config)) }));
  expect((await thrown(() => approve(text))).message).toContain('the permissions in');
  expect(await approve(text, true)).not.toContain('names programs');
  expect(await approve(text)).toBe('');
  expect(isApproved(config, { stateDir: place, root: place })).toBe(true);
});

test('a verb that starts no agent asks about programs alone, and leaves the rest to `up`', async ({ approve }) => {
  const text = 'verify: {test: [npm, test]}\nagents: {worker: {allow: ["Bash(*)"]}}';
  expect((await thrown(() => approve(text, false, approvePrograms))).message).toContain('the programs in');
  await approve(text, true, approvePrograms);
  expect(await approve(text, false, approvePrograms)).toBe('');
  await thrown(() => approve(text));
});
