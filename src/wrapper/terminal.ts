import type { Logger } from 'pino';
import { errorText } from '../domain/errors.ts';
import type { Presence, Terminal } from './contract/effects.ts';

/** Runs one tmux command line on our server and gives its stdout. */
export type RunTmux = (args: readonly string[]) => Promise<string>;

/** Printable: tmux 3.5 writes control characters of its answers as `\037`, by which a person's draft went unseen. */
const SEPARATOR = ' ';

/** This pane as tmux sees it. A tmux that does not answer hides a person, so no decision rests on its silence alone. */
export function paneTerminal(pane: string, tmux: RunTmux, log: Logger): Terminal {
  return {
    async presence() {
      try {
        const format = ['#{session_attached}', '#{session_last_attached}'].join(SEPARATOR);
        const out = await tmux([
          'display-message',
          '-p',
          '-t',
          pane,
          format,
          ';',
          'list-clients',
          '-t',
          pane,
          '-F',
          '#{client_activity}',
        ]);
        return parsePresence(out);
      } catch (error) {
        log.warn({ error: errorText(error) }, 'tmux cannot be asked who is attached');
        return null;
      }
    },
    async screen() {
      try {
        return await tmux(['capture-pane', '-p', '-e', '-t', pane]);
      } catch (error) {
        log.warn({ error: errorText(error) }, 'the screen cannot be read');
        return '';
      }
    },
    printed: () => tmux(['capture-pane', '-p', '-J', '-t', pane]).catch(() => ''),
  };
}

/**
 * Reads tmux's answer. First line: attached clients and when one was last attached; then one line per client, its last
 * key. Unix seconds.
 */
export function parsePresence(output: string): Presence | null {
  const [first, ...clients] = output.trimEnd().split('\n');
  const [attached, lastAttached] = (first ?? '').split(SEPARATOR);
  if (attached === undefined || !/^\d+$/.test(attached)) return null;
  const keys = clients.map(Number).filter((seconds) => seconds > 0);
  return {
    attached: Number(attached) > 0,
    lastKeyAt: keys.length === 0 ? null : Math.max(...keys) * 1_000,
    lastAttachedAt: lastAttached === undefined || lastAttached === '' ? null : Number(lastAttached) * 1_000,
  };
}
