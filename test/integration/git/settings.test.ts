import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { mergeTask } from '../../../src/git/merge/merge-task.ts';
import { findRepository } from '../../../src/git/repository/repository.ts';
import { dirtySummary, readStatus } from '../../../src/git/repository/status.ts';
import { untrackedEntries } from '../../../src/git/repository/untracked.ts';
import { highestTaskNumber } from '../../../src/git/task/task-branches.ts';
import { diffText, taskDiff } from '../../../src/git/task/task-diff.ts';
import { unsavedWork } from '../../../src/git/worktree/unsaved-work.ts';
import { listWorktrees } from '../../../src/git/worktree/worktrees.ts';
import { makeRepository, type TestRepository } from '../../support/git-repository.ts';
import { anAgent } from './agent.ts';

/** Settings of a person that change what git prints, or writes into a commit. */
const HOSTILE: Readonly<Record<string, string>> = {
  'branch.main.mergeOptions': '--squash --no-commit',
  'branch.sort': '-committerdate',
  'color.ui': 'always',
  'color.branch': 'always',
  'color.diff': 'always',
  'color.status': 'always',
  'column.ui': 'always',
  'column.branch': 'always',
  'commit.cleanup': 'strip',
  'commit.gpgSign': 'true',
  'commit.status': 'true',
  'commit.verbose': 'true',
  'core.abbrev': '40',
  'core.commentChar': 'W',
  'core.pager': 'false',
  'core.quotePath': 'true',
  'core.whitespace': 'tab-in-indent',
  'diff.algorithm': 'patience',
  'diff.colorMoved': 'zebra',
  'diff.context': '0',
  'diff.dstPrefix': 'there/',
  'diff.external': '/bin/false',
  'diff.ignoreSubmodules': 'all',
  'diff.indentHeuristic': 'false',
  'diff.interHunkContext': '50',
  'diff.mnemonicPrefix': 'true',
  'diff.noprefix': 'true',
  'diff.relative': 'true',
  'diff.renames': 'copies',
  'diff.srcPrefix': 'here/',
  'diff.submodule': 'log',
  'diff.suppressBlankEmpty': 'true',
  'diff.wordRegex': '.',
  'diff.wsErrorHighlight': 'all',
  'format.pretty': 'oneline',
  'gpg.program': '/bin/false',
  'i18n.commitEncoding': 'ISO-8859-1',
  'i18n.logOutputEncoding': 'ISO-8859-1',
  'log.abbrevCommit': 'true',
  'log.date': 'relative',
  'log.decorate': 'full',
  'log.showSignature': 'true',
  'merge.branchdesc': 'true',
  'merge.log': 'true',
  'merge.stat': 'true',
  'pager.diff': 'true',
  'pager.status': 'true',
  'status.aheadBehind': 'false',
  'status.branch': 'true',
  'status.relativePaths': 'false',
  'status.renames': 'copies',
  'status.short': 'true',
  'status.showStash': 'true',
  'status.showUntrackedFiles': 'no',
  'status.submoduleSummary': 'true',
  'tag.gpgSign': 'true',
};

function makeHostile(repository: TestRepository): void {
  for (const [key, value] of Object.entries(HOSTILE)) repository.git(['config', key, value]);
  const order = path.join(repository.home, 'order');
  writeFileSync(order, 'z*\n*\n');
  repository.git(['config', 'diff.orderFile', order]);
}

/** Two blocks that the algorithms and the indent heuristic tell apart, a blank line, a rename, names in UTF-8. */
const BEFORE = {
  'a/Größe.txt': 'one\n\ttwo\nthree\nfour\nfive\nsix\nseven\n',
  'code.c': 'void a()\n{\n  x();\n}\n\nvoid b()\n{\n  y();\n}\n',
  'z.txt': 'moved\nfrom\nhere\n',
};
const AFTER = {
  'a/Größe.txt': 'one\n\ttwo\nthree\n\nfive\nsix\nSEVEN\n',
  'code.c': 'void b()\n{\n  y();\n}\n\nvoid c()\n{\n  z();\n}\n\nvoid a()\n{\n  x();\n}\n',
  'z2.txt': 'moved\nfrom\nhere\n',
};

/** Everything that swarm reads of a repository, once. */
async function readings(repository: TestRepository, worktree: string, base: string, commit: string): Promise<unknown> {
  const { root } = repository;
  return {
    diff: await taskDiff({ root, base, commit }),
    tree: await diffText(root, [base, commit]),
    head: await findRepository(root),
    status: await readStatus(worktree, { untracked: 'all' }),
    dirty: await dirtySummary(worktree),
    untracked: await untrackedEntries(worktree),
    unsaved: await unsavedWork({ root, worktree }),
    worktrees: await listWorktrees(root),
    highest: await highestTaskNumber(root),
  };
}

describe('A person’s settings of git', () => {
  it('change nothing of what swarm prints and reads', async () => {
    using repository = makeRepository({ files: BEFORE });
    const agent = await anAgent(repository);
    const { commit: base } = await agent.prepare();
    repository.git(['rm', '-q', 'z.txt'], agent.worktree);
    repository.git(['branch', 'swarm/task/t41']);
    agent.write(AFTER);
    const { head } = await agent.commit('Größe in cm');
    agent.write({ 'stashed ü.txt': 's\n' });
    agent.git('stash', '-q', '-u');
    agent.write({ 'code.c': 'changed\n', 'new/untracked ü.txt': 'u\n' });
    const plain = await readings(repository, agent.worktree, base, head);
    makeHostile(repository);
    expect(await readings(repository, agent.worktree, base, head)).toEqual(plain);
    expect(plain).toMatchObject({
      highest: 41,
      diff: { text: expect.stringContaining('+++ b/a/Größe.txt') as string },
      unsaved: { findings: { length: 3 } },
    });
  });

  it('change nothing of what swarm writes into commits', async () => {
    const commits = async (prepare: (repository: TestRepository) => void): Promise<string[]> => {
      using repository = makeRepository({ files: BEFORE });
      prepare(repository);
      const agent = await anAgent(repository);
      await agent.prepare();
      agent.write(AFTER);
      const { head: commit } = await agent.commit('Größe\n\nWith a line\n# and another\n');
      repository.write({ 'beside.txt': 'b\n' });
      repository.git(['add', '-A']);
      repository.git(['commit', '-q', '--no-gpg-sign', '-m', 'beside']);
      const scratchDir = path.join(repository.home, 'scratch');
      const merge = { root: repository.root, into: 'main', commit, message: 'Merge t1: Größe', scratchDir };
      const merged = await mergeTask(merge);
      expect(repository.git(['rev-parse', 'refs/heads/main'])).toBe(merged.commit);
      return [commit, merged.commit].map((oid) =>
        repository
          .git(['cat-file', 'commit', oid])
          .replaceAll(/^parent .*$/gm, 'parent')
          .replaceAll(/> \d+ [+-]\d+$/gm, '> then'),
      );
    };
    const plain = await commits(() => {});
    expect(await commits(makeHostile)).toEqual(plain);
    expect(plain[0]).toContain('\n\nGröße\n\nWith a line\n# and another\n');
  });
});
