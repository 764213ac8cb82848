import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

export interface RabbitmqInstall {
  /** Directory with `sbin/rabbitmq-server` and `plugins/`. */
  home: string;
  version: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Directories that are searched after those of PATH: a daemon's PATH is often short. */
const EXTRA_PATH = [
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  '/opt/homebrew/bin',
  '/opt/homebrew/sbin',
];
const PARENTS = [
  '/usr/lib/rabbitmq/lib',
  '/usr/local/lib/rabbitmq/lib',
  '/opt',
  '/usr/local/Cellar/rabbitmq',
  '/opt/homebrew/Cellar/rabbitmq',
];
const HOMES = ['/opt/rabbitmq', '/usr/lib/rabbitmq', '/usr/local/opt/rabbitmq', '/opt/homebrew/opt/rabbitmq'];

export function searchPath(env: Environment = process.env): string[] {
  const own = (env['PATH'] ?? '').split(':').filter((entry) => path.isAbsolute(entry));
  return [...new Set([...own, ...EXTRA_PATH])];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not ours to run: both mean "not this one"
  }
}

function findProgram(name: string, env: Environment): string | null {
  return (
    searchPath(env)
      .map((dir) => path.join(dir, name))
      .find(isExecutable) ?? null
  );
}

function entries(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

/** Version of the tree at `home`, or null when it is no RabbitMQ. */
function versionAt(home: string): string | null {
  if (!isExecutable(path.join(home, 'sbin', 'rabbitmq-server'))) return null;
  for (const name of entries(path.join(home, 'plugins'))) {
    const match = /^rabbit-(\d+\.\d+\.\d+.*?)(\.ez)?$/.exec(name);
    if (match?.[1] !== undefined) return match[1];
  }
  return null;
}

function candidates(env: Environment): string[] {
  const fromParents = PARENTS.flatMap((parent) =>
    entries(parent)
      .filter((name) => /^(rabbitmq_server-)?\d/.test(name) || name.startsWith('rabbitmq_server-'))
      .map((name) => path.join(parent, name)),
  ).toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const onPath = findProgram('rabbitmq-server', env);
  const fromPath = onPath === null ? [] : [path.dirname(path.dirname(realpathSync(onPath)))];
  return [...fromParents, ...HOMES, ...fromPath];
}

/** Looks for RabbitMQ: only in SWARM_RABBITMQ_HOME when that is set, else in the usual places and on PATH. */
export function findRabbitmq(env: Environment = process.env): Promise<RabbitmqInstall | null> {
  const wanted = env['SWARM_RABBITMQ_HOME'];
  for (const home of wanted === undefined || wanted === '' ? candidates(env) : [wanted]) {
    const version = versionAt(home);
    if (version !== null) return Promise.resolve({ home, version });
  }
  return Promise.resolve(null);
}

/** Erlang's port mapper, without which a node does not run. */
export function findEpmd(env: Environment = process.env): string | null {
  const onPath = findProgram('epmd', env);
  if (onPath !== null) return onPath;
  const erl = findProgram('erl', env);
  if (erl === null) return null;
  const beside = path.join(path.dirname(realpathSync(erl)), 'epmd');
  return isExecutable(beside) ? beside : null;
}

/**
 * The entries of `plugins/` that hold `rabbit` and what it needs, as the applications themselves say. A boot searches
 * every plugin directory for every module.
 * @returns null where an application cannot be read (an archive): then only all of them are known to do
 */
export function coreEntries(plugins: string): string[] | null {
  const byName = new Map(entries(plugins).map((entry) => [entry.replace(/(-\d.*?)?(\.ez)?$/, ''), entry]));
  const wanted = new Set(['rabbit']);
  // A set takes in what is added while it is gone through.
  for (const name of wanted) {
    const entry = byName.get(name);
    const file = path.join(plugins, entry ?? '', 'ebin', `${name}.app`);
    if (entry === undefined || !existsSync(file)) return null;
    for (const needed of neededBy(readFileSync(file, 'utf8'))) if (byName.has(needed)) wanted.add(needed);
  }
  return [...wanted].flatMap((name) => byName.get(name) ?? []).toSorted();
}

/** Names of the applications in an `.app` file that its own needs. Pure. */
export function neededBy(text: string): string[] {
  const lists = text.replace(/%.*/g, '').matchAll(/\{\s*(?:included_|optional_)?applications\s*,\s*\[([^\]]*)\]/g);
  return [...lists].flatMap(([, list = '']) => list.split(',').map((name) => name.trim().replaceAll("'", '')));
}

function absent(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}

async function link(target: string, file: string): Promise<void> {
  const existing = await lstat(file).catch(absent);
  if (existing?.isSymbolicLink() === true && (await readlink(file)) === target) return;
  if (existing !== null) await rm(file, { recursive: true, force: true });
  await symlink(target, file);
}

/** A tree of links to only what the node needs. */
export interface SlimTree {
  /** Says version and entries, so that another selection is another tree. */
  name: string;
  entries: string[];
}

/** The tree with which the node starts in half the time; null where it is not known what would have to be in it. */
export function slimTree(install: RabbitmqInstall): SlimTree | null {
  const selected = coreEntries(path.join(install.home, 'plugins'));
  if (selected === null) return null;
  const digest = createHash('sha256').update(selected.join('\n')).digest('hex').slice(0, 8);
  return { name: `slim-${install.version}-${digest}`, entries: selected };
}

/** Makes the tree, and removes those of earlier installations. @returns its root */
export async function makeSlimTree(install: RabbitmqInstall, tree: SlimTree, dir: string): Promise<string> {
  const root = path.join(dir, tree.name);
  for (const name of await readdir(dir)) {
    if (name.startsWith('slim-') && name !== tree.name)
      await rm(path.join(dir, name), { recursive: true, force: true });
  }
  await mkdir(path.join(root, 'sbin'), { recursive: true, mode: 0o700 });
  await mkdir(path.join(root, 'plugins'), { recursive: true, mode: 0o700 });
  for (const name of await readdir(path.join(install.home, 'sbin'))) {
    await link(path.join(install.home, 'sbin', name), path.join(root, 'sbin', name));
  }
  for (const name of tree.entries) {
    await link(path.join(install.home, 'plugins', name), path.join(root, 'plugins', name));
  }
  if (existsSync(path.join(install.home, 'escript')))
    await link(path.join(install.home, 'escript'), path.join(root, 'escript'));
  return root;
}
