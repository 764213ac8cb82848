import { mkdirSync } from 'node:fs';
import path from 'node:path';
import pino, { type Logger } from 'pino';

/** JSON lines to `<logsDir>/<name>.jsonl`, 0600; each line is on disk before the call returns, so that a crash keeps it. */
export function openLog(logsDir: string, name: string): Logger {
  mkdirSync(logsDir, { recursive: true, mode: 0o700 });
  const destination = pino.destination({
    dest: path.join(logsDir, `${name}.jsonl`),
    sync: true,
    mode: 0o600,
    append: true,
  });
  // A full disk costs lines of the log, not the process that would write them.
  destination.on('error', () => undefined);
  return pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
