import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { isApproved, type Config } from '../config/index.ts';
import { AGENT_MARK, WRAPPER_MARK } from '../coordination/link.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { identityOf } from '../process/index.ts';
import { Store } from '../store/store.ts';
import { keepEnvironment, loadEnvironment } from './environment.ts';
import { openLog } from './log.ts';
import { openProject, type Project } from './project.ts';
import { Supervisor } from './supervisor.ts';

const CONFIG_KEY = 'swarm.config';

/**
 * The supervisor of one project: `supervisor.js --root DIR`. Ends at once, with 0, where another one holds the lock:
 * starting it twice is harmless.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { root: { type: 'string' } } });
  if (values.root === undefined) throw new SwarmError('usage', 'supervisor needs --root DIR', { exitCode: 2 });
  // Where the first layout is computed from; the same variables are in the snapshot.
  const first = await openProject(values.root, process.env);
  const env = loadEnvironment(first.layout.envSnapshot, process.env);
  adopt(env);
  const project = await openProject(values.root, env);
  const { layout } = project;
  const log = openLog(layout.logsDir, 'supervisor');
  const store = openStore(layout.db, layout.lockDb);
  if (store === null) return;
  const config = await approvedConfig(project, store, log);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the supervisor broke; a wrapper starts it again');
    process.exit(1);
  });
  await keepEnvironment(layout.envSnapshot, env);
  const self = identityOf(process.pid);
  await writeFileAtomic(layout.supervisorPidFile, JSON.stringify(self), { mode: 0o600 });
  const here = import.meta.dirname;
  const supervisor = new Supervisor({
    project: { ...project, config },
    store,
    log,
    env,
    buildId: path.basename(here),
    version: readVersion(here),
    tmuxConf: packageFile(here, 'tmux.conf'),
    programs: {
      // A small young generation: a wrapper lives for days and allocates little.
      wrapper: [process.execPath, '--max-semi-space-size=1', path.join(here, 'wrapper.js')],
      supervisor: [process.execPath, path.join(here, 'supervisor.js'), '--root', layout.root],
    },
    onEnd: () => process.exit(0),
  });
  // Asked to go by name: what it supervises lives on, and the wrappers start the next one.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => supervisor.signal(signal));
  await supervisor.begin();
  log.info({ epoch: store.epoch, root: layout.root }, 'the supervisor is up');
}

/**
 * The config as it is, when the person has approved what it runs. One that changed since, for instance by a `git pull`,
 * does not count before the next `swarm up` has asked.
 */
async function approvedConfig({ config, layout }: Project, store: Store, log: Logger): Promise<Config> {
  const last = store.kv.get(CONFIG_KEY) as Config | undefined;
  if (!isApproved(config, layout) && last !== undefined) {
    log.warn('swarm.yaml names programs that are not approved: the settings of before are used');
    return last;
  }
  await store.write(() => store.kv.set(CONFIG_KEY, config));
  return config;
}

/** Everything that is started from here sees the person's environment, and none of our own marks. */
function adopt(env: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  for (const name of [AGENT_MARK, WRAPPER_MARK, 'TMUX', 'TMUX_PANE']) {
    delete process.env[name];
    delete env[name];
  }
}

function openStore(db: string, lock: string): Store | null {
  try {
    return Store.open({ path: db, lockPath: lock });
  } catch (error) {
    if (error instanceof SwarmError && error.code === 'supervisor-running') return null;
    throw error;
  }
}

/** A file of the package that this build belongs to: two levels up from `dist/<build id>`. */
function packageFile(here: string, name: string): string {
  const file = path.join(here, '..', '..', name);
  if (!existsSync(file))
    throw new SwarmError('broken-installation', `${file} is missing`, { hint: 'Install swarm again.' });
  return file;
}

function readVersion(here: string): string {
  const parsed = JSON.parse(readFileSync(packageFile(here, 'package.json'), 'utf8')) as { version: string };
  return parsed.version;
}

try {
  await main();
} catch (error) {
  const hint = error instanceof SwarmError && error.hint !== undefined ? ` ${error.hint}` : '';
  process.stderr.write(`swarm supervisor: ${errorText(error)}.${hint}\n`);
  process.exit(error instanceof SwarmError ? error.exitCode : 1);
}
