import { brokerStatus as nodeStatus, ensureBroker, stopBroker, type BrokerStatus } from '../../../broker/index.ts';
import { loadConfig } from '../../../config/index.ts';
import { copyBeforeStop } from '../../../coordination/before-stop.ts';
import { SwarmError } from '../../../domain/errors.ts';
import type { ProjectLayout } from '../../../domain/layout.ts';
import { listStates } from '../../../store/place/state-place.ts';
import type { Context } from '../../project/context.ts';
import { openProject } from '../../project/project.ts';
import { readStatus } from '../../project/status.ts';
import { ago } from '../../say/words.ts';

export async function brokerStatus(context: Context): Promise<void> {
  const project = await openProject(context);
  const { layout } = project;
  const url = await ownUrl(layout);
  if (url !== null) {
    const { broker } = await readStatus(project);
    context.output.document(broker);
    context.output.line(
      `broker ${broker.state} at ${url} (yours, from swarm.yaml)${broker.reason === null ? '' : `: ${broker.reason}`}`,
    );
    return;
  }
  const found = await nodeStatus(layout.brokerDir);
  context.output.document(found);
  for (const line of describe(found, nameOf(layout))) context.output.line(line);
}

/** Names of projects by hash: the broker knows only the hash, the state directory of each tells its name. */
function nameOf({ swarmStateDir }: ProjectLayout): (hash: string) => string {
  const names = new Map(listStates(swarmStateDir).map(({ hash, name }) => [hash, name]));
  return (hash) => names.get(hash) ?? hash;
}

function describe(found: BrokerStatus, name: (hash: string) => string): string[] {
  const users =
    found.users.length === 0
      ? 'no project uses it'
      : `used by ${found.users.map((user) => name(user.project)).join(', ')}`;
  if (found.state === 'stopped') return [`broker stopped; ${users}`];
  return [
    `broker ${found.state} at ${found.publicUrl} (RabbitMQ ${found.version}, pid ${found.pid}, for ${ago(found.startedAt, Date.now())}); ${users}`,
  ];
}

export async function brokerStart(context: Context): Promise<void> {
  const { layout } = await openProject(context);
  await refuseYours(layout);
  const { url: _secret, ...handle } = await ensureBroker({
    dir: layout.brokerDir,
    signal: context.interrupt.signal,
    onProgress: (text) => context.output.note(text),
  });
  context.output.document(handle);
  context.output.line(
    `broker ${handle.started ? 'started' : 'was running'} at ${handle.publicUrl} (pid ${handle.pid})`,
  );
}

export async function brokerStop(context: Context): Promise<void> {
  const { layout } = await openProject(context);
  await refuseYours(layout);
  const { users } = await nodeStatus(layout.brokerDir);
  if (users.length > 0) {
    // The projects that use it would start it again at once.
    throw new SwarmError(
      'broker-in-use',
      `the broker is used by ${users.map((user) => nameOf(layout)(user.project)).join(', ')}`,
      {
        hint: 'It stops with the last of them: run `swarm down` there.',
      },
    );
  }
  const stopped = await stopBroker(layout.brokerDir, {
    ifUnused: true,
    beforeStop: copyBeforeStop(layout.swarmStateDir),
  });
  context.output.document({ stopped });
  context.output.line(stopped ? 'broker stopped' : 'broker was not running');
}

async function refuseYours(layout: ProjectLayout): Promise<void> {
  if ((await ownUrl(layout)) === null) return;
  throw new SwarmError('broker-yours', 'swarm.yaml names a broker of your own (broker.url)', {
    hint: 'Start and stop it as you always do; swarm only connects to it.',
  });
}

/** The URL of the config without credentials; null for swarm's own node. */
async function ownUrl(layout: ProjectLayout): Promise<string | null> {
  const { broker } = await loadConfig(layout.root);
  if (broker.url === undefined) return null;
  const url = new URL(broker.url);
  url.username = '';
  url.password = '';
  return url.toString();
}
