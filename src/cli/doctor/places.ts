import { lstatSync, statfsSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { existing, unwritable } from '../../worktree/writable.ts';
import { removeSocket, listens, LONGEST_PATH_BYTES } from '../../tmux/socket.ts';
import { findingOf, ok, type Diagnosis } from './finding.ts';
import { whileDown } from './lock.ts';
import type { Patient } from './patient.ts';

const MIB = 1024 * 1024;
/** Below this RabbitMQ stops taking messages (disk_free_limit of the private node), and SQLite fails soon after. */
const LEAST_DISK_BYTES = 300 * MIB;
const LITTLE_DISK_BYTES = 2048 * MIB;
const LEAST_RUNTIME_BYTES = MIB;

/** Checks that swarm's own directories and files are this user's and closed to others. */
export function checkModes({ layout, uid }: Patient): Diagnosis[] {
  const directories = [
    path.dirname(layout.runtimeDir),
    layout.runtimeDir,
    layout.swarmStateDir,
    layout.stateDir,
    layout.logsDir,
  ];
  const files = [layout.envSnapshot, layout.db, layout.supervisorPidFile];
  const wrong = [
    ...directories.flatMap((directory) => checkMode(directory, uid, 0o700)),
    ...files.flatMap((file) => checkMode(file, uid, 0o600)),
    ...[layout.stateDir, layout.runtimeDir, layout.worktreesDir].flatMap(checkWritable),
  ];
  return wrong.length > 0 ? wrong : [ok('modes', 'state and runtime directories are yours alone')];
}

function checkMode(place: string, uid: number, mode: number): Diagnosis[] {
  const found = lstatSync(place, { throwIfNoEntry: false });
  if (found === undefined) return [];
  const right = mode === 0o700 ? found.isDirectory() : found.isFile();
  if (!right || found.uid !== uid) {
    const what = right ? `belongs to user ${found.uid}` : `is no ${mode === 0o700 ? 'directory' : 'file'} of its own`;
    return [
      {
        check: 'foreign',
        severity: 'error',
        text: `${place} ${what}`,
        cause: 'Its owner could read what agents see and type for them, so swarm does not use it.',
        cure: 'Move it away, or set XDG_RUNTIME_DIR and XDG_STATE_HOME to directories of yours.',
      },
    ];
  }
  if ((found.mode & 0o077) === 0) return [];
  return [
    {
      check: 'mode',
      severity: 'warning',
      text: `${place} is open to other users (mode ${(found.mode & 0o777).toString(8)})`,
      cure: `chmod ${mode.toString(8)} ${place}`,
      repair: async () => {
        await chmod(place, found.mode & 0o700);
        return `${place} is yours alone now`;
      },
    },
  ];
}

/** Checks a directory, or the one in which it will be made. */
function checkWritable(place: string): Diagnosis[] {
  const found = unwritable(place);
  if (found === null) return [];
  return [
    {
      check: 'unwritable',
      severity: 'error',
      text: `swarm cannot write to ${found.place}: ${found.why}`,
      cause: `${place} belongs there.`,
      cure: 'Give yourself the right, or set XDG_STATE_HOME, XDG_RUNTIME_DIR or worktree.dir.',
    },
  ];
}

/** Checks for sockets that a dead supervisor or tmux server left, and for those of other users. */
export async function checkSockets(patient: Patient): Promise<Diagnosis[]> {
  const { layout } = patient;
  const sockets = [layout.apiSocket, layout.linkSocket, layout.tmuxSocket];
  const tooLong = sockets.find((socket) => Buffer.byteLength(socket) > LONGEST_PATH_BYTES);
  if (tooLong !== undefined) {
    return [
      {
        check: 'socket-path',
        severity: 'error',
        text: `${tooLong} is longer than a socket's path may be (${LONGEST_PATH_BYTES} bytes)`,
        cure: 'Set XDG_RUNTIME_DIR to a short path.',
      },
    ];
  }
  const found = await Promise.all(sockets.map((socket) => checkSocket(patient, socket)));
  return found.flat();
}

async function checkSocket(patient: Patient, socket: string): Promise<Diagnosis[]> {
  const found = lstatSync(socket, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (found.uid !== patient.uid || !found.isSocket()) {
    const what = found.isSocket() ? `belongs to user ${found.uid}` : 'is in the way and is no socket';
    return [
      {
        check: 'socket-foreign',
        severity: 'error',
        text: `${socket} ${what}`,
        cure: 'Move it away, or set XDG_RUNTIME_DIR.',
      },
    ];
  }
  try {
    if (await listens(socket)) return [];
  } catch (error) {
    return [
      {
        ...findingOf('socket-deaf', error),
        cause: 'Its server is there and does not answer: hung, or stopped.',
        cure: 'Find it with `ss -lxp`, and end it.',
      },
    ];
  }
  return [
    {
      check: 'socket-stale',
      severity: 'warning',
      text: `${socket} is left over: no program listens there`,
      cause: 'Its owner was killed.',
      cure: 'Remove it; `swarm up` does so too.',
      ...(patient.locked ? {} : { repair: () => removeStale(patient.layout, socket) }),
    },
  ];
}

function removeStale(layout: Patient['layout'], socket: string): Promise<string> {
  return whileDown(layout, async () => {
    // Another supervisor may have come up since the check.
    if (!(await listens(socket))) await removeSocket(socket);
    return `${socket} removed`;
  });
}

/** Checks the free space where swarm writes, each file system once. */
export function checkDisk({ layout }: Patient): Diagnosis[] {
  const places = [
    { place: layout.stateDir, least: LEAST_DISK_BYTES, little: LITTLE_DISK_BYTES, what: 'tasks, messages and logs' },
    { place: layout.worktreesDir, least: LEAST_DISK_BYTES, little: LITTLE_DISK_BYTES, what: 'worktrees' },
    { place: layout.gitCommonDir, least: LEAST_DISK_BYTES, little: LITTLE_DISK_BYTES, what: 'checkpoints' },
    { place: layout.runtimeDir, least: LEAST_RUNTIME_BYTES, little: LEAST_RUNTIME_BYTES, what: 'sockets' },
  ];
  const seen = new Set<number>();
  const findings = places.flatMap(({ place, least, little, what }): Diagnosis[] => {
    const there = existing(place);
    const { dev } = statSync(there);
    if (seen.has(dev)) return [];
    seen.add(dev);
    const { bavail, bsize, files, ffree } = statfsSync(there);
    return diskFinding({ place: there, what, free: bavail * bsize, inodes: files === 0 ? null : ffree, least, little });
  });
  return findings.length > 0 ? findings : [ok('disk', 'there is room on the disk')];
}

export interface Room {
  place: string;
  what: string;
  /** Free bytes. */
  free: number;
  /** Free inodes; null where the file system counts none. */
  inodes: number | null;
  least: number;
  little: number;
}

/** The finding for a file system. Pure. */
export function diskFinding({ place, what, free, inodes, least, little }: Room): Diagnosis[] {
  const cure = 'Make room; `swarm down --purge` removes worktrees that hold nothing of their own.';
  if (inodes !== null && inodes < 1_000)
    return [
      { check: 'disk', severity: 'error', text: `${place} (${what}) has room for only ${inodes} more files`, cure },
    ];
  if (free >= little) return [];
  const size = free < 10 * MIB ? `${Math.round(free / 1024)} KiB` : `${Math.round(free / MIB)} MiB`;
  const blocks = free < least;
  return [
    {
      check: 'disk',
      severity: blocks ? 'error' : 'warning',
      text: `${place} (${what}) has only ${size} left`,
      cause: blocks ? 'The broker takes no more messages, and soon nothing can be kept.' : undefined,
      cure,
    },
  ];
}
