import { render } from 'ink';
import { App, type AppProps } from './app.tsx';
import { Dash } from './dash.ts';
import type { Orders } from './effects.ts';
import { Feed, type Source } from './feed.ts';
import type { StatusDocument } from '../api/status/schemas.ts';
import { paintFor } from './text.ts';

export interface OpenOptions {
  client: Source & Orders;
  /** The status that is known already, for the first frame. */
  first?: StatusDocument | undefined;
  attach: AppProps['attach'];
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  /** Aborting ends the dashboard. */
  signal: AbortSignal;
}

/** A key is painted at once; by default Ink would wait for up to 34 ms after a frame. */
const MOST_FRAMES_PER_SECOND = 60;

/** A person who comes back sees so many past events. */
const PAST_EVENTS = 50;

/** The dashboard on the whole terminal, until the person leaves it. */
export async function openDashboard({ client, first, attach, stdin, stdout, signal }: OpenOptions): Promise<void> {
  const ended = new AbortController();
  const feed = new Feed({ source: client, first, pastEvents: PAST_EVENTS });
  const dash = new Dash({ feed, orders: client, paint: paintFor(stdout) });
  const app = render(<App dash={dash} attach={attach} />, {
    stdin,
    stdout,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // The caller has checked the terminal: CI in the environment is no reason to draw nothing.
    interactive: true,
    maxFps: MOST_FRAMES_PER_SECOND,
  });
  const leave = (): void => app.unmount();
  signal.addEventListener('abort', leave, { once: true });
  stdin.once('end', leave);
  const watching = feed.run(ended.signal);
  try {
    await app.waitUntilExit();
  } finally {
    signal.removeEventListener('abort', leave);
    stdin.off('end', leave);
    ended.abort();
    await watching;
  }
}
