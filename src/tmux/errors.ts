import { SwarmError } from '../domain/errors.ts';

/** Whether the command had an effect. `maybe`: it was sent and no answer came. */
export type Reached = 'no' | 'yes' | 'maybe';

export type TmuxErrorCode =
  | 'no-tmux'
  | 'old-tmux'
  | 'tmux-socket'
  | 'tmux-no-server'
  | 'tmux-protocol'
  | 'tmux-gone'
  | 'tmux-timeout'
  | 'tmux-duplicate'
  | 'tmux-no-target'
  | 'tmux-pane-active'
  | 'tmux-too-long'
  | 'tmux-argument'
  | 'tmux-refused'
  | 'tmux-stays';

export class TmuxError extends SwarmError {
  readonly reached: Reached;

  constructor(
    code: TmuxErrorCode,
    message: string,
    options: { reached: Reached; hint?: string | undefined; cause?: unknown },
  ) {
    const { reached, hint, cause } = options;
    super(code, message, {
      hint,
      cause,
      retrySafe: reached === 'no',
      lasting: code === 'no-tmux' || code === 'old-tmux',
      exitCode: code === 'tmux-timeout' ? 3 : 1,
    });
    this.name = 'TmuxError';
    this.reached = reached;
  }
}

const SAID: readonly (readonly [pattern: RegExp, code: TmuxErrorCode, reached: Reached, hint?: string])[] = [
  [/^no server running|^error connecting/m, 'tmux-no-server', 'no'],
  [
    /protocol version mismatch|server version is too/i,
    'tmux-protocol',
    'no',
    'The server was started by another tmux: `swarm down`, then `swarm up`.',
  ],
  [/^duplicate session/m, 'tmux-duplicate', 'no'],
  [/^can't find|^no such|^no current/m, 'tmux-no-target', 'no'],
  [/still active/, 'tmux-pane-active', 'no'],
  [/too long/, 'tmux-too-long', 'no'],
  [
    /server exited|^lost server/m,
    'tmux-gone',
    'maybe',
    'If it lives on, another version of tmux started it: `swarm down`, then `swarm up`.',
  ],
  [
    /error while loading shared libraries/,
    'tmux-protocol',
    'no',
    'The server was started by another tmux, whose libraries are gone: `swarm down`, then `swarm up`.',
  ],
];

/** Translates tmux's sentences, the only place where they are read. `doing` names the command for a person. */
export function errorOf(said: string, doing: string): TmuxError {
  const text = said.trim() === '' ? 'no reason given' : said.trim();
  const known = SAID.find(([pattern]) => pattern.test(text));
  const [, code, reached, hint] = known ?? [null, 'tmux-refused' as const, 'yes' as const];
  return new TmuxError(code, `tmux ${doing}: ${text}`, { reached, hint });
}
