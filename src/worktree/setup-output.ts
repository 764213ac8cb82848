import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const LOOK_MS = 200;
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads, line by line, what a program writes into a file. The program writes straight into the file, so that a slow or
 * dead reader does it no harm.
 */
export class OutputReader implements Disposable {
  readonly #file: string;
  readonly #onLine: (line: string) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #decoder = new StringDecoder('utf8');
  #position: number;
  #begun = '';

  /** Begins at the present end of the file. */
  constructor(file: string, onLine: (line: string) => void) {
    this.#file = file;
    this.#onLine = onLine;
    this.#position = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    this.#timer = setInterval(() => this.#read(), LOOK_MS);
  }

  /** Reads the rest, including a last line without its end. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#read();
    if (this.#begun !== '') this.#onLine(this.#begun);
    this.#begun = '';
  }

  #read(): void {
    if (statSync(this.#file, { throwIfNoEntry: false }) === undefined) return;
    const descriptor = openSync(this.#file, 'r');
    try {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      for (;;) {
        const count = readSync(descriptor, buffer, 0, CHUNK_BYTES, this.#position);
        if (count === 0) return;
        this.#position += count;
        this.#take(this.#decoder.write(buffer.subarray(0, count)));
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #take(text: string): void {
    // A progress bar that is painted again and again over one line counts as one line.
    const lines = (this.#begun + text).split('\n');
    this.#begun = lines.pop() ?? '';
    for (const line of lines) {
      const shown = line.replace(/\r+$/, '').split('\r').pop() ?? '';
      if (shown !== '') this.#onLine(shown);
    }
  }
}
