import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SwarmError } from '../domain/errors.ts';
import type { Context } from './context.ts';

/** `new-session -e` and the formats that swarm reads are all there from here on. */
const MINIMUM: readonly [number, number] = [3, 2];
const TIMEOUT_MS = 5_000;

/** @throws SwarmError `tmux-missing`, `tmux-too-old` */
export async function checkTmux(program: string, context: Context): Promise<void> {
  const hint = 'Install tmux 3.2 or newer (Debian and Ubuntu: apt install tmux; macOS: brew install tmux).';
  const version = await promisify(execFile)(program, ['-V'], { env: context.env, timeout: TIMEOUT_MS }).then(
    ({ stdout }) => stdout.trim(),
    (cause: unknown) => {
      throw new SwarmError('tmux-missing', `${program} cannot be run: ${(cause as Error).message}`, { hint, cause });
    },
  );
  // `tmux 3.3a`, `tmux next-3.5`; one from a development tree says only `tmux master`.
  const match = /(\d+)\.(\d+)/.exec(version);
  if (match === null) return;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return;
  throw new SwarmError('tmux-too-old', `${version} is too old`, { hint });
}
