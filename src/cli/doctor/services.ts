import { existsSync, readFileSync } from 'node:fs';
import { currentUserName } from '../../process/account.ts';
import { connect } from '../../api/client.ts';
import { brokerStatus, stopBroker } from '../../broker/index.ts';
import { brokerPaths } from '../../broker/config.ts';
import { BROKER_MARK } from '../../broker/processes.ts';
import { copyBeforeStop } from '../../coordination/before-stop.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { findMarked } from '../../process/index.ts';
import { Database } from '../../store/database.ts';
import { storeError } from '../../store/errors.ts';
import { isSupervisorLocked } from '../../store/lock.ts';
import { readRuntimeDir } from '../../store/place/runtime-record.ts';
import { runTmux } from '../../tmux/index.ts';
import { endServer } from '../../tmux/server.ts';
import { listens } from '../../tmux/socket.ts';
import { writtenPid } from '../project/supervise.ts';
import { ago, countOf } from '../say/words.ts';
import { findingOf, ok, type Diagnosis } from './finding.ts';
import { whileDown } from './lock.ts';
import type { Patient } from './patient.ts';

export async function checkSupervisor({ layout, status, locked }: Patient): Promise<Diagnosis[]> {
  if (status === null) {
    if (!locked) return [ok('supervisor', 'the supervisor is not up, and nothing keeps it from coming')];
    const pid = writtenPid(layout);
    return [
      {
        check: 'supervisor-deaf',
        severity: 'error',
        text: `the supervisor${pid === null ? '' : ` (pid ${pid})`} is there and does not answer`,
        cause:
          readRuntimeDir(layout.runtimeFile) === null
            ? 'It is just coming up, or one of an older version that another shell started (XDG_RUNTIME_DIR, TMPDIR).'
            : 'It is just coming up, or it hangs.',
        cure: `See \`swarm logs supervisor\`.${pid === null ? '' : ` If it stays so: kill ${pid}; the agents live on and start it again.`}`,
      },
    ];
  }
  const { degraded } = await connect(layout).health();
  const found = degraded.map((text): Diagnosis => ({
    check: 'supervisor-degraded',
    severity: 'warning',
    text: `the supervisor says: ${text}`,
    cure: 'See `swarm logs supervisor`.',
  }));
  return [
    ok(
      'supervisor',
      `the supervisor is up for ${ago(status.supervisor.since, Date.now())} (pid ${status.supervisor.pid ?? '?'})`,
    ),
    ...found,
  ];
}

/**
 * Checks for a tmux server whose supervisor is gone: without the agents' processes it is an empty shell that no program
 * ends.
 */
export async function checkTmuxServer({ layout, config, context }: Patient): Promise<Diagnosis[]> {
  if (
    isSupervisorLocked(layout.lockDb) ||
    !existsSync(layout.tmuxSocket) ||
    !(await listens(layout.tmuxSocket).catch(() => false))
  )
    return [];
  const address = { program: config.tmux.program, socket: layout.tmuxSocket };
  return [
    {
      check: 'tmux-left',
      severity: 'warning',
      text: `swarm's tmux server of ${layout.name} runs on without a supervisor`,
      cause: 'The supervisor was killed, and no wrapper could start it again.',
      cure: 'Run `swarm up` to take it over, or `swarm down` to end everything in order.',
      repair: () =>
        whileDown(layout, async () => {
          const pid = await runTmux(address, ['display-message', '-p', '#{pid}'], { signal: context.interrupt.signal });
          await endServer(address, Number(pid));
          return `the tmux server of ${layout.name} is ended`;
        }),
    },
  ];
}

export async function checkBroker({ layout, config, status }: Patient): Promise<Diagnosis[]> {
  const seen = status?.broker;
  if (seen !== undefined && (seen.state === 'down' || seen.state === 'absent')) {
    return [
      {
        check: 'broker',
        severity: 'error',
        text: `the broker is ${seen.state}${seen.reason === null ? '' : `: ${seen.reason}`}`,
        cause: 'Tasks wait in the store until it is back.',
        cure: 'See `swarm logs broker` and `swarm broker status`.',
      },
    ];
  }
  if (config.broker.url !== undefined) return seen === undefined ? [] : [ok('broker', `your broker is ${seen.state}`)];
  const found = await brokerStatus(layout.brokerDir);
  if (found.state === 'unresponsive') {
    // The supervisor gives up a broker that hangs, and reports it.
    if (seen?.state === 'starting')
      return [{ check: 'broker', severity: 'note', text: `the broker is starting (pid ${found.pid})` }];
    return [
      {
        check: 'broker',
        severity: found.users.length > 0 ? 'error' : 'warning',
        text: `the broker (pid ${found.pid}) does not answer`,
        cause: 'It is starting, or it hangs; supervisors replace one that hangs.',
        cure: 'See `swarm logs broker`.',
      },
    ];
  }
  if (found.state === 'stopped')
    return brokerRemains(layout) ?? [ok('broker', 'the broker is stopped; the first `swarm up` starts it')];
  if (found.users.length === 0) return [unusedBroker(layout, found.pid)];
  return [
    ok(
      'broker',
      `the broker runs (RabbitMQ ${found.version}, pid ${found.pid}), used by ${countOf(found.users.length, 'project')}`,
    ),
  ];
}

type BrokerPlace = Pick<ProjectLayout, 'brokerDir' | 'swarmStateDir'>;

/** Processes of a broker whose node is gone, by their mark. */
function brokerRemains(place: BrokerPlace): Diagnosis[] | null {
  const dir = place.brokerDir;
  const left = existsSync(dir) ? findMarked(BROKER_MARK, dir) : [];
  if (left.length === 0) return null;
  return [
    {
      check: 'broker-orphans',
      severity: 'warning',
      text: `the broker is gone, and ${countOf(left.length, 'helper')} of it ${left.length === 1 ? 'lives' : 'live'} on (pid ${left.map(({ identity }) => identity.pid).join(', ')})`,
      cause: 'Its node was killed.',
      cure: 'The next `swarm up` clears them away.',
      repair: () => endBroker(place),
    },
  ];
}

/** A broker without a project: its supervisors died, or a person started it by hand, and then it stays. */
function unusedBroker(place: BrokerPlace, pid: number): Diagnosis {
  const abandoned = hadUsers(place.brokerDir);
  return {
    check: 'broker-unused',
    severity: abandoned ? 'warning' : 'note',
    text: `the broker (pid ${pid}) runs, and no project uses it`,
    cause: abandoned ? 'Its last supervisor was killed.' : 'It was started by hand.',
    cure: 'Run `swarm broker stop`.',
    ...(abandoned ? { repair: () => endBroker(place) } : {}),
  };
}

function hadUsers(dir: string): boolean {
  const { users } = brokerPaths(dir);
  return existsSync(users) && readFileSync(users, 'utf8').trim() !== '[]';
}

async function endBroker({ brokerDir, swarmStateDir }: BrokerPlace): Promise<string> {
  const stopped = await stopBroker(brokerDir, { ifUnused: true, beforeStop: copyBeforeStop(swarmStateDir) });
  return stopped ? 'the broker is stopped; its data stay' : 'what was left of the broker is ended; its data stay';
}

/** Checks whether logind ends all processes of a user with the last login, agents included. */
export function checkLingering({ layout: { runtimeDir } }: Patient): Diagnosis[] {
  if (!existsSync('/run/systemd/system') || !runtimeDir.startsWith('/run/user/')) return [];
  const user = currentUserName();
  if (user === null) return [];
  if (existsSync(`/var/lib/systemd/linger/${user}`)) return [ok('linger', 'agents live on when you log out')];
  return [
    {
      check: 'linger',
      severity: 'note',
      text: 'agents may end when you log out',
      cause: `Without lingering the system removes ${runtimeDir}, where swarm's sockets lie, with your last session.`,
      cure: `loginctl enable-linger ${user}`,
    },
  ];
}

/** Opens the store as any reader does; only the supervisor writes it. */
export function checkStore({ layout }: Patient): Diagnosis[] {
  if (!existsSync(layout.db)) return [];
  try {
    using db = isSupervisorLocked(layout.lockDb)
      ? new Database(layout.db, { readOnly: true })
      : Database.atRest(layout.db);
    const said = db.get<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check ?? 'ok';
    if (said === 'ok') return [ok('store', 'the store is readable and whole')];
    return [
      {
        check: 'store',
        severity: 'error',
        text: `${layout.db} is damaged: ${said}`,
        cure: 'Move it away with its -wal and -shm; checkpoints and branches are in git and stay.',
      },
    ];
  } catch (error) {
    return [findingOf('store', storeError(error, layout.db))];
  }
}
