import { errorText, SwarmError } from '../domain/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);
const UNWRITABLE = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'ENOENT', 'EEXIST']);
/** SQLite's primary result codes of the same meaning. */
const SQLITE = new Map([
  [8, 'EROFS'],
  [13, 'ENOSPC'],
  [14, 'EACCES'],
]);

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('syscall' in error && String(error.syscall).startsWith('spawn')) return null; // a program, not the directory
  if ('errcode' in error && typeof error.errcode === 'number') return SQLITE.get(error.errcode & 0xff) ?? null;
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** An error of the broker's directory, in words for a person; any other error unchanged. */
export function directoryError(dir: string, cause: unknown): unknown {
  if (cause instanceof SwarmError) return cause;
  const code = codeOf(cause);
  if (code !== null && FULL.has(code)) {
    return new SwarmError('broker-disk-full', `No space left for the broker in ${dir}`, {
      cause,
      retrySafe: true,
      hint: 'Free some disk space, then run `swarm broker start`.',
    });
  }
  if (code !== null && UNWRITABLE.has(code)) {
    return new SwarmError('broker-directory', `The broker's directory ${dir} cannot be written: ${errorText(cause)}`, {
      cause,
      retrySafe: true,
      hint: 'Make it writable for you, or set XDG_STATE_HOME to a directory that is.',
    });
  }
  return cause;
}

export function noRabbitmq(detail: string): SwarmError {
  return new SwarmError('no-rabbitmq', `RabbitMQ was not found: ${detail}`, {
    retrySafe: true,
    hint:
      'Install it (Debian: `apt-get install rabbitmq-server`, macOS: `brew install rabbitmq`), set SWARM_RABBITMQ_HOME ' +
      'to its directory, or set `broker.url` in swarm.yaml to a broker that you have.',
  });
}

export function bootFailed(dir: string, detail: string, lines: readonly string[], cure: string): SwarmError {
  const log = lines.length === 0 ? '' : `\n${lines.map((line) => `  ${line}`).join('\n')}`;
  return new SwarmError('broker-boot-failed', `RabbitMQ did not start in ${dir}: ${detail}${log}`, {
    retrySafe: true,
    hint: cure,
  });
}
