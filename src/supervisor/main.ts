import { packageRoot } from '../lib/package-root.ts';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { currentUid } from '../process/account.ts';
import { environmentFor } from '../domain/environment.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { withWorktreesDir } from '../domain/layout.ts';
import { supervisorCommand } from '../domain/programs.ts';
import { processIdentitySchema } from '../process/identity-schema.ts';
import { belongingOf, claimRepository } from '../store/place/belonging.ts';
import { openStore, takeOverStore } from './open-store.ts';
import { keepEnvironment, loadEnvironment } from './project/environment-snapshot.ts';
import { openLog } from './project/log.ts';
import { openPlace } from './project/project.ts';
import { takeRuntimePlace, writePid } from './project/runtime-place.ts';
import { firstSettings } from './settings/settings.ts';
import { Supervisor } from './supervisor.ts';

/**
 * The supervisor of one project: `supervisor.js --root DIR`. Ends at once, with 0, where another one holds the lock:
 * starting it twice is harmless. With `--replaces IDENTITY` (JSON) it asks that one to end and takes its place.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { root: { type: 'string' }, replaces: { type: 'string' } } });
  if (values.root === undefined) throw new SwarmError('usage', 'supervisor needs --root DIR', { exitCode: 2 });
  const { repository, layout: own } = await openPlace(values.root, process.env);
  // A store of its own would hide the tasks of the repository's earlier place.
  if (belongingOf(own).kind === 'moved')
    throw new SwarmError('moved', 'this repository was renamed', { hint: '`swarm up` goes on with its tasks.' });
  const log = openLog(own.logsDir, 'supervisor');
  const store =
    values.replaces === undefined
      ? openStore(own, log)
      : await takeOverStore(own, processIdentitySchema.parse(JSON.parse(values.replaces)), log);
  if (store === null) return;
  const place = await takeRuntimePlace(own, currentUid());
  await claimRepository(place);
  const env = loadEnvironment(place.envSnapshot, process.env);
  adopt(environmentFor('swarm', env));
  const settings = await firstSettings(place, store);
  if (settings.refused !== null)
    log.warn({ detail: settings.refused.message }, 'swarm.yaml is not in force: the earlier settings are');
  const { config } = settings;
  const layout = withWorktreesDir(place, config.worktree);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the supervisor broke; a wrapper starts it again');
    process.exit(1);
  });
  await keepEnvironment(layout.envSnapshot, env);
  await writePid(layout);
  const here = import.meta.dirname;
  const supervisor = new Supervisor({
    project: { repository, config, layout },
    settings,
    store,
    log,
    env,
    renewEnvironment: () => adopt(environmentFor('swarm', loadEnvironment(layout.envSnapshot, env))),
    buildId: path.basename(here),
    version: readVersion(here),
    tmuxConf: packageFile(here, 'tmux.conf'),
    programs: {
      // A small young generation: a wrapper lives for days and allocates little.
      wrapper: [process.execPath, '--max-semi-space-size=1', path.join(here, 'wrapper.js')],
      supervisor: supervisorCommand(process.execPath, path.join(here, 'supervisor.js'), layout.root),
    },
    onEnd: () => process.exit(0),
  });
  // A signal ends this supervisor alone: its agents live on, and the wrappers start the next one.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => supervisor.signal(signal));
  await supervisor.begin();
  log.info({ epoch: store.epoch, root: layout.root, runtimeDir: layout.runtimeDir }, 'the supervisor is up');
}

/** Gives git and tmux, which swarm runs itself, the person's environment too. */
function adopt(env: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}

/** A file of the package that this build belongs to: two levels up from `dist/<build id>`. */
function packageFile(here: string, name: string): string {
  const file = path.join(packageRoot(here), name);
  if (!existsSync(file))
    throw new SwarmError('broken-installation', `${file} is missing`, { hint: 'Install swarm again.' });
  return file;
}

function readVersion(here: string): string {
  const parsed = JSON.parse(readFileSync(packageFile(here, 'package.json'), 'utf8')) as { version: string };
  return parsed.version;
}

// Helper threads for a collection of a few MB cost more in waiting for them than they save. No argument of the command:
// a Node that does not know the flag any more must start all the same.
setFlagsFromString('--no-parallel-scavenge');
try {
  await main();
} catch (error) {
  const hint = error instanceof SwarmError && error.hint !== undefined ? ` ${error.hint}` : '';
  process.stderr.write(`swarm supervisor: ${errorText(error)}.${hint}\n`);
  process.exit(error instanceof SwarmError ? error.exitCode : 1);
}
