import { existsSync } from 'node:fs';
import { WRAPPER_MARK } from '../../domain/marks.ts';
import { findMarked, scanProcesses } from '../../process/index.ts';

/** The tmux server with wrappers of the project in its panes, where its socket is gone; null: there is none. */
export function lostServer(project: string, socket: string): number | null {
  if (existsSync(socket)) return null;
  const { rows } = scanProcesses();
  for (const { identity } of findMarked(WRAPPER_MARK, project)) {
    const parent = rows.get(rows.get(identity.pid)?.ppid ?? 0);
    if (parent?.alive === true && parent.command.startsWith('tmux')) return parent.pid;
  }
  return null;
}
