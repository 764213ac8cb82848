import { readdirSync, readFileSync, statSync, type Stats } from 'node:fs';
import { findProgram } from '../lib/start-error.ts';

export interface TmuxAddress {
  program: string;
  /** Path of the server's socket. */
  socket: string;
}

const SERVER = 'tmux: server';
/** Pids of servers by socket, as found last. */
const known = new Map<string, number>();

/**
 * The program of a client for the server behind the socket. Versions of tmux do not all understand each other, and an
 * update of the system leaves servers of the version before running: where the server runs another file than
 * `program` now is, that file is its client too, even after it was removed. Other systems than Linux show no such file.
 */
export function clientProgram({ program, socket }: TmuxAddress): string {
  const pid = serverOf(socket);
  if (pid === null) return program;
  const running = `/proc/${pid}/exe`;
  const itsFile = fileOf(running);
  const found = findProgram({ program, cwd: '/', searchPath: process.env['PATH'] });
  const ours = found === null ? null : fileOf(found);
  if (itsFile === null || (itsFile.ino === ours?.ino && itsFile.dev === ours.dev)) return program;
  return running;
}

/** Pid of the server that was started for the socket; null: there is none, or the system does not tell. */
export function serverOf(socket: string): number | null {
  const last = known.get(socket);
  if (last !== undefined && isServerOf(last, socket)) return last;
  const pid = pids().find((candidate) => isServerOf(candidate, socket));
  if (pid === undefined) known.delete(socket);
  else known.set(socket, pid);
  return pid ?? null;
}

function isServerOf(pid: number, socket: string): boolean {
  return read(pid, 'comm').startsWith(SERVER) && read(pid, 'cmdline').split('\0').includes(socket);
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    // A system without /proc.
    return [];
  }
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    // It has just ended.
    return '';
  }
}

function fileOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    // Removed, or of a process of another user.
    return null;
  }
}
