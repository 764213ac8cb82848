import type { RepositoryFiles, SetupCommand } from './types.ts';
import { nodeManager } from './toolchains.ts';
import { pythonSetup } from './python.ts';
import { phpSetup, rubySetup } from './ruby-php.ts';

/** What a new worktree lacks of the person's checkout, and how it gets it. */
export interface WorktreeNeeds {
  copy: string[];
  link: string[];
  setup: SetupCommand[];
}

/** Files that a person keeps beside the repository for the agents. */
const FOR_AGENTS = ['CLAUDE.md', 'CLAUDE.local.md', 'AGENTS.md', '.mcp.json'];
/** Claude Code's own worktrees: whole checkouts. */
const NOT_OF_CLAUDE = new Set(['worktrees']);

/**
 * The needs of worktrees. Packages are installed, not linked, where a lockfile names them: then two agents cannot spoil
 * each other's.
 */
export function worktreeNeeds(files: RepositoryFiles): WorktreeNeeds {
  const untracked = new Set(files.untracked.map((name) => name.replace(/\/$/, '')));
  const env = [...untracked].some((name) => /^\.env(\.|$)/.test(name));
  const claude = untracked.has('.claude')
    ? files.list('.claude').filter((name) => !NOT_OF_CLAUDE.has(name))
    : [...untracked].filter((name) => name.startsWith('.claude/')).map((name) => name.slice('.claude/'.length));
  const node = nodeSetup(files, untracked);
  const vendored = [...rubySetup(files), ...phpSetup(files)];
  const mix = files.has('mix.exs') ? MIX_SETUP : [];
  const setup = [...node, ...pythonSetup(files), ...vendored, ...mix];
  const installed = new Set<string>();
  if (vendored.length > 0) installed.add('vendor');
  if (node.length > 0) installed.add('node_modules');
  return {
    copy: [
      ...(env ? ['.env*'] : []),
      // Where bundler is told to put gems.
      ...(untracked.has('.bundle') && files.has('Gemfile') ? ['.bundle'] : []),
      ...FOR_AGENTS.filter((name) => untracked.has(name)),
      ...claude.filter((name) => !NOT_OF_CLAUDE.has(name.split('/')[0] ?? '')).map((name) => `.claude/${name}`),
    ],
    // These are found by their real path, so that a link serves as well; a `.venv` names the checkout in which it was
    // made.
    link: ['node_modules', 'vendor'].filter((name) => untracked.has(name) && !installed.has(name)),
    setup,
  };
}

const NODE_INSTALL: Readonly<Record<string, readonly [lockfile: string, argv: readonly string[]][]>> = {
  npm: [
    ['package-lock.json', ['npm', 'ci']],
    ['npm-shrinkwrap.json', ['npm', 'ci']],
  ],
  pnpm: [['pnpm-lock.yaml', ['pnpm', 'install', '--frozen-lockfile']]],
  yarn: [['yarn.lock', ['yarn', 'install', '--frozen-lockfile']]],
  bun: [
    ['bun.lock', ['bun', 'install', '--frozen-lockfile']],
    ['bun.lockb', ['bun', 'install', '--frozen-lockfile']],
  ],
};

function nodeSetup(files: RepositoryFiles, untracked: ReadonlySet<string>): SetupCommand[] {
  const node = nodeManager(files);
  if (node === null || !(node.hasDependencies || untracked.has('node_modules'))) return [];
  const found = NODE_INSTALL[node.manager]?.find(([lockfile]) => files.has(lockfile));
  // Without a lockfile what is there serves; a checkout without packages has them installed.
  if (found === undefined)
    return untracked.has('node_modules') ? [] : [{ argv: [node.manager, 'install'], from: 'package.json' }];
  const [from, argv] = found;
  // Since version 2 yarn has another option for it, and this file.
  if (node.manager === 'yarn' && files.has('.yarnrc.yml')) return [{ argv: ['yarn', 'install', '--immutable'], from }];
  return [{ argv: [...argv], from }];
}

const MIX_SETUP: readonly SetupCommand[] = [{ argv: ['mix', 'deps.get'], from: 'mix.exs' }];

/** `copy .env*, CLAUDE.local.md; link vendor; run npm ci`; empty where nothing is needed. Pure. */
export function needsText({ copy, link, setup }: WorktreeNeeds): string {
  return [
    ...(copy.length === 0 ? [] : [`copy ${copy.join(', ')}`]),
    ...(link.length === 0 ? [] : [`link ${link.join(', ')}`]),
    ...(setup.length === 0 ? [] : [`run ${setup.map(({ argv }) => argv.join(' ')).join(', ')}`]),
  ].join('; ');
}
