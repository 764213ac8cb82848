import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import {
  arePermissionsApproved,
  CONFIG_FILE,
  isApproved,
  loadConfig,
  parseConfig,
  type Config,
} from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { ASIDE } from '../../git/worktree/aside.ts';
import { gitText } from '../../git/git.ts';
import { parseGitVersion, readHead } from '../../git/repository/repository.ts';
import { commitOf, resolveAll } from '../../git/repository/resolve.ts';
import { taskBranchesBlocked } from '../../git/task/task-branches.ts';
import { listWorktrees, removeWorktree, type Worktree } from '../../git/worktree/worktrees.ts';
import { countOf } from '../say/words.ts';
import { findingOf, ok, type Diagnosis } from './finding.ts';
import { whileDown } from './lock.ts';
import type { Patient } from './patient.ts';

/** The first git that knows `index.skipHash`. */
const SKIPS_HASHES = [2, 40] as const;

/** Reads the settings; for a broken file the defaults and the finding. */
export async function readConfig(root: string): Promise<{ config: Config; broken: Diagnosis | null }> {
  try {
    return { config: await loadConfig(root), broken: null };
  } catch (error) {
    const cause = '`swarm up` refuses to start with it.';
    return { config: parseConfig('', CONFIG_FILE), broken: { ...findingOf('config', error), cause } };
  }
}

export async function checkConfig({ layout, config }: Patient): Promise<Diagnosis[]> {
  const findings: Diagnosis[] = [];
  if (!isApproved(config, layout)) {
    findings.push({
      check: 'config-approval',
      severity: 'warning',
      text: `the programs that ${CONFIG_FILE} names are not approved yet`,
      cause: 'They may have come with a pull: they run only after you have seen them.',
      cure: 'Run `swarm up`, which shows them and asks.',
    });
  }
  if (!arePermissionsApproved(config, layout)) {
    findings.push({
      check: 'permission-approval',
      severity: 'warning',
      text: `what ${CONFIG_FILE} lets agents do is not approved yet`,
      cause: 'It may have come with a pull: it counts only after you have seen it.',
      cure: 'Run `swarm up`, which shows it and asks.',
    });
  }
  const { commit } = await readHead(layout.root);
  if (commit === null) {
    findings.push({
      check: 'no-commit',
      severity: 'error',
      text: `${layout.root} has no commit yet`,
      cause: 'A worktree begins at a commit.',
      cure: 'Commit something: `git add -A && git commit -m start`.',
    });
  }
  if (config.base !== undefined) {
    const [found] = await resolveAll(layout.root, [commitOf(`refs/heads/${config.base}`)]);
    if (found == null) {
      findings.push({
        check: 'config-base',
        severity: 'error',
        text: `there is no branch "${config.base}", which ${CONFIG_FILE} names as base`,
        cure: 'Create it, or change `base`.',
      });
    }
  }
  const blocked = await taskBranchesBlocked(layout.root);
  if (blocked !== null) findings.push(findingOf('task-branches', blocked));
  if (findings.length > 0) return findings;
  const exists = existsSync(path.join(layout.root, CONFIG_FILE));
  return [
    ok(
      'config',
      exists ? `${CONFIG_FILE} is valid and approved` : `no ${CONFIG_FILE}: all defaults (\`swarm init\` writes one)`,
    ),
  ];
}

/**
 * Checks for remotes to which all refs are pushed: those take the checkpoints along, with files that no commit holds.
 */
export async function checkRemotes({ layout }: Patient): Promise<Diagnosis[]> {
  const text = await gitText(['config', '-z', '--get-regexp', String.raw`^remote\..*\.(mirror|push)$`], {
    cwd: layout.root,
    okCodes: [1],
  });
  return mirrorRemotes(text).map((name) => ({
    check: 'mirror-remote',
    severity: 'warning' as const,
    text: `the remote "${name}" mirrors all refs`,
    cause:
      'A push there publishes the checkpoints too (refs/swarm/…), with everything that lay in the agents’ worktrees.',
    cure: `git config --unset remote.${name}.mirror && git config --replace-all remote.${name}.push 'refs/heads/*:refs/heads/*'`,
  }));
}

/**
 * Checks for settings with which git loses files from the index of the person's checkout. Agents' worktrees and merges
 * are kept from them.
 */
export async function checkIndexSettings({ layout: { root } }: Patient): Promise<Diagnosis[]> {
  const isOn = async (key: string): Promise<boolean> => {
    const text = await gitText(['config', '--type=bool', '--show-scope', '--get-all', key], {
      cwd: root,
      okCodes: [1],
    });
    // Of the command line are swarm's own.
    return (
      text
        .split('\n')
        .filter((line) => !line.startsWith('command\t'))
        .at(-1)
        ?.endsWith('\ttrue') === true
    );
  };
  const [version, split, skip, many] = await Promise.all([
    gitText(['version'], { cwd: root }),
    isOn('core.splitIndex'),
    isOn('index.skipHash'),
    isOn('feature.manyFiles'),
  ]);
  const [major = 0, minor = 0] = parseGitVersion(version) ?? [];
  const hashes = major < SKIPS_HASHES[0] || (major === SKIPS_HASHES[0] && minor < SKIPS_HASHES[1]);
  if (!split || !(skip || many) || hashes) return [];
  return [
    {
      check: 'index-settings',
      severity: 'warning',
      text: `core.splitIndex together with ${skip ? 'index.skipHash' : 'feature.manyFiles'} empties the index of this checkout`,
      cause: `With both, ${version} forgets all but what the next \`git add\` names, and the commit after it deletes the rest. Agents work without core.splitIndex.`,
      cure: 'git config core.splitIndex false && git update-index --no-split-index && git reset',
    },
  ];
}

/** Names of remotes in the output of `git config -z --get-regexp`. Pure. */
export function mirrorRemotes(text: string): string[] {
  const names = text.split('\0').flatMap((entry) => {
    const [key = '', value = 'true'] = entry.split('\n');
    const [, name, what] = /^remote\.(.*)\.(mirror|push)$/s.exec(key) ?? [];
    if (name === undefined) return [];
    const mirrors = what === 'mirror' ? /^(true|yes|on|1)$/i.test(value) : /^\+?refs\/(\*|swarm\/)/.test(value);
    return mirrors ? [name] : [];
  });
  return [...new Set(names)];
}

export async function checkWorktrees(patient: Patient): Promise<Diagnosis[]> {
  const { layout, status } = patient;
  const ours = (await listWorktrees(layout.root)).filter(
    ({ path: place }) => path.dirname(place) === layout.worktreesDir,
  );
  const agents = status?.agents ?? null;
  const findings = ours.filter(({ missing }) => missing).map((worktree) => missingWorktree(patient, worktree));
  if (agents !== null) {
    const known = new Set(agents.map(({ id }) => id));
    const unknown = ours
      .filter(({ path: place, missing }) => !missing && !known.has(agentOf(place)))
      .map(({ path: place }) => place);
    if (unknown.length > 0) findings.push(strayWorktrees(unknown));
    for (const { id, worktree, pane, status: state } of agents) {
      // The next start makes the worktree: an agent without a pane (stopped, or never started yet) needs none.
      if (pane === null || ['starting', 'stopping', 'failed'].includes(state) || existsSync(worktree)) continue;
      findings.push({
        check: 'worktree-gone',
        severity: 'error',
        text: `${id} is ${state}, and its worktree ${worktree} is gone`,
        cure: `Run \`swarm restart ${id}\`, which makes it anew; \`swarm checkpoint ls ${id}\` shows what can be brought back.`,
      });
    }
  }
  const stray = unregistered(layout, ours);
  if (stray.length > 0) {
    findings.push({
      check: 'worktree-unregistered',
      severity: 'warning',
      text: `${stray.join(', ')}: git does not know ${stray.length === 1 ? 'it' : 'them'} as a worktree`,
      cause: 'An agent of that name cannot get its worktree there.',
      cure: 'Look at what is in there and move it away.',
    });
  }
  return findings.length > 0 ? findings : [ok('worktrees', `${countOf(ours.length, 'worktree')} in order`)];
}

/** `worker-1.2` is the worktree of the second slot of worker-1. */
function agentOf(worktree: string): string {
  return path.basename(worktree).replace(/\.\d+$/, '');
}

function missingWorktree({ layout, locked: up }: Patient, { path: place, locked }: Worktree): Diagnosis {
  return {
    check: 'worktree-missing',
    severity: 'warning',
    text: `git still lists the worktree ${place}, whose directory is gone${locked ? ' (locked)' : ''}`,
    cause: 'It was removed by hand.',
    cure: `git -C ${layout.root} worktree prune`,
    ...(locked || up
      ? {}
      : {
          repair: () =>
            whileDown(layout, async () => {
              // For a missing directory only the registration is removed.
              if (!existsSync(place)) await removeWorktree({ root: layout.root, path: place });
              return `git has forgotten ${place}`;
            }),
        }),
  };
}

function strayWorktrees(places: readonly string[]): Diagnosis {
  return {
    check: 'worktree-without-agent',
    severity: 'note',
    text: `${places.join(', ')}: no agent works there`,
    cause: 'Left by agents that were removed.',
    cure: `git worktree remove ${places[0] ?? ''} (it refuses while something is in no commit)`,
  };
}

function unregistered({ worktreesDir }: ProjectLayout, ours: readonly Worktree[]): string[] {
  if (!existsSync(worktreesDir)) return [];
  const known = new Set(ours.map(({ path: place }) => path.basename(place)));
  return readdirSync(worktreesDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !known.has(entry.name) && entry.name !== `.${ASIDE}`)
    .map(({ name }) => path.join(worktreesDir, name));
}
