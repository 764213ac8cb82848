import { SwarmError } from '../domain/errors.ts';
import { systemClock } from '../lib/clock.ts';
import type { EventDocument } from './events/schemas.ts';
import { broken, open, refuse, type ApiRequest } from './http.ts';

/** The supervisor writes a comment every 15 s; a stream that is silent for longer than three of them is dead. */
const SILENCE_LIMIT_MS = 45_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** One frame without an end would otherwise fill the memory. */
const FRAME_LIMIT_CHARS = 64 * 1024 * 1024;

export interface EventsOptions {
  /** Events after this id come first; below zero, the last so many. */
  lastEventId?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called when the supervisor has accepted the stream: no event from then on is missed. */
  onOpen?: (() => void) | undefined;
}

/**
 * Events as they come. Ends quietly when `signal` is aborted or the supervisor closes the stream.
 * @throws SwarmError `supervisor-down`, `connection-lost`, `timeout`
 */
export async function* streamEvents(socketPath: string, options: EventsOptions): AsyncGenerator<EventDocument> {
  const request: ApiRequest = {
    method: 'GET',
    path: '/v1/events',
    timeoutMs: CONNECT_TIMEOUT_MS,
    headers: {
      accept: 'text/event-stream',
      ...(options.lastEventId === undefined ? {} : { 'last-event-id': String(options.lastEventId) }),
    },
  };
  const silence = new AbortController();
  let cancel = systemClock.after(CONNECT_TIMEOUT_MS, () => silence.abort());
  // Restarts the time limit at every byte, so that a half-open stream ends too.
  const heard = (): void => {
    cancel();
    cancel = systemClock.after(SILENCE_LIMIT_MS, () => silence.abort());
  };
  const signal = options.signal === undefined ? silence.signal : AbortSignal.any([options.signal, silence.signal]);
  let opened = false;
  try {
    const response = await open(socketPath, request, signal);
    if (response.statusCode !== 200) refuse(request, response.statusCode ?? 500, '');
    opened = true;
    options.onOpen?.();
    heard();
    response.setEncoding('utf8');
    const frames = new Frames();
    for await (const part of response as AsyncIterable<string>) {
      heard();
      for (const event of frames.push(part)) yield event;
    }
  } catch (error) {
    if (options.signal?.aborted === true) return;
    if (error instanceof SwarmError) throw error;
    if (silence.signal.aborted) throw lost(opened);
    throw broken(error, socketPath, request);
  } finally {
    cancel();
    silence.abort();
  }
}

function lost(opened: boolean): SwarmError {
  const seconds = (opened ? SILENCE_LIMIT_MS : CONNECT_TIMEOUT_MS) / 1000;
  return new SwarmError('timeout', `no event and no sign of life of the supervisor for ${seconds} s`, {
    hint: 'Run `swarm logs supervisor` to see what it does.',
    retrySafe: true,
    exitCode: 3,
  });
}

/** Cuts server-sent events out of the text as it arrives; comments and unknown fields are skipped. */
export class Frames {
  #rest = '';

  /** The events that `text` completes. @throws SwarmError `bad-answer` */
  push(text: string): EventDocument[] {
    this.#rest += text;
    if (this.#rest.length > FRAME_LIMIT_CHARS)
      throw new SwarmError('bad-answer', 'an event of the supervisor has no end');
    // A carriage return at the very end may be half of a line end: it waits for the next piece.
    const held = this.#rest.endsWith('\r') ? '\r' : '';
    const frames = (held === '' ? this.#rest : this.#rest.slice(0, -1)).replaceAll(/\r\n?/g, '\n').split('\n\n');
    this.#rest = (frames.pop() ?? '') + held;
    return frames.map(readFrame).filter((event) => event !== null);
  }
}

function readFrame(frame: string): EventDocument | null {
  const data = frame
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line.startsWith('data: ') ? 6 : 5))
    .join('\n');
  if (data === '') return null;
  try {
    return JSON.parse(data) as EventDocument;
  } catch (error) {
    throw new SwarmError('bad-answer', 'an event of the supervisor is not JSON', { cause: error });
  }
}
