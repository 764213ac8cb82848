import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { ProjectLayout } from '../../domain/layout.ts';

const LEVELS = { info: 30, error: 50 } as const;

/** Writes into the log of an agent, in the form of its wrapper, which does not live yet. */
export function appendAgentLog(
  { logsDir }: Pick<ProjectLayout, 'logsDir'>,
  agent: string,
  msg: string,
  level: keyof typeof LEVELS = 'info',
): void {
  const line = JSON.stringify({ level: LEVELS[level], time: Date.now(), agent, msg });
  appendFileSync(path.join(logsDir, `${agent}.jsonl`), `${line}\n`, { mode: 0o600 });
}
