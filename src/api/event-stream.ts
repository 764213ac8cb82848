import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { timeLimit } from '../lib/clock.ts';
import type { EventDocument, EventsService } from './events/schemas.ts';

/** Comment lines on an idle stream, so that a dead reader is noticed. */
const KEEP_ALIVE_MS = 15_000;
/** A reader that lets so many bytes pile up is cut off; it resumes by Last-Event-ID. */
const BUFFER_LIMIT_BYTES = 1024 * 1024;
/** Past events are read in pages of this size, and no further than the reader follows. */
const PAGE = 500;
const PAGE_BUFFER_BYTES = 256 * 1024;
/** A reader of past events that takes nothing for so long is cut off too, ms. */
const STALLED_MS = 30_000;

/**
 * One reader of events: first those after `lastEventId`, then each as it comes, without gap or double between the two.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #events: EventsService;
  readonly #closed = new AbortController();
  #unsubscribe = (): void => {};

  constructor(response: ServerResponse, events: EventsService) {
    this.#response = response;
    this.#events = events;
    // The reader may go in the middle of a write; `close` follows.
    response.on('error', () => this.#close());
    response.on('close', () => this.#close());
  }

  /** @param lastEventId null: only events from now on */
  async begin(lastEventId: number | null): Promise<void> {
    const response = this.#response;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    const replayed = lastEventId === null ? 0 : await this.#replay(lastEventId);
    if (this.#closed.signal.aborted) return;
    // Subscribes in the very turn in which no further past event was found. An event that was read before it was on
    // disk comes again, and its id shows that.
    this.#unsubscribe = this.#events.subscribe((event) => {
      if (event.id > replayed) this.#tell(event);
    });
    const keepAlive = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': alive\n\n');
    }, KEEP_ALIVE_MS);
    this.#closed.signal.addEventListener('abort', () => clearInterval(keepAlive));
  }

  /** @returns the id of the newest event */
  async #replay(lastEventId: number): Promise<number> {
    for (let last = lastEventId; ;) {
      const page = this.#events.past.after(last, PAGE);
      if (page.length === 0 || this.#closed.signal.aborted) return last;
      for (const event of page) {
        this.#response.write(frame(event));
        last = event.id;
      }
      if (this.#response.writableLength > PAGE_BUFFER_BYTES) await this.#drained();
    }
  }

  async #drained(): Promise<void> {
    const stalled = timeLimit(STALLED_MS);
    try {
      await once(this.#response, 'drain', { signal: AbortSignal.any([this.#closed.signal, stalled]) });
    } catch (error) {
      if (!this.#closed.signal.aborted && !stalled.aborted) throw error;
      this.#response.destroy();
      this.#close();
    }
  }

  #tell(event: EventDocument): void {
    this.#response.write(frame(event));
    if (this.#response.writableLength > BUFFER_LIMIT_BYTES) this.#response.destroy();
  }

  #close(): void {
    this.#unsubscribe();
    this.#closed.abort();
  }

  /** Ends the stream with the server; the reader may come back to the next one. */
  end(): void {
    this.#close();
    this.#response.end();
  }
}

function frame(event: EventDocument): string {
  return `id: ${event.id}\nevent: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`;
}
