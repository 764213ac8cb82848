import { SwarmError } from '../domain/errors.ts';

export type JsonLine = { ok: true; value: unknown } | { ok: false; reason: string };

/** One value as one line. JSON escapes every line feed inside strings, so the line is never broken. */
export function encodeJsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/**
 * Splits a byte stream into newline-delimited JSON. Works on bytes, so a character cut in two by the transport is
 * whole again. A peer that never sends a newline cannot fill the memory: above `maxBytes` it throws.
 */
export class JsonLines {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #held = 0;

  /** @param maxBytes most bytes of one line without its newline (8 MiB) */
  constructor(maxBytes = 8 * 1024 * 1024) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a line that has begun and not ended. */
  get pendingBytes(): number {
    return this.#held;
  }

  /**
   * The lines that `chunk` completes. Empty lines are skipped.
   * @throws SwarmError `line-too-long`: the stream cannot be followed any more, close it
   */
  push(chunk: Uint8Array): JsonLine[] {
    const lines: JsonLine[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end));
      const line = this.#take();
      if (line.length > 0) lines.push(parseLine(line));
      from = end + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Uint8Array): void {
    this.#held += part.length;
    if (this.#held > this.#maxBytes) {
      this.#parts = [];
      this.#held = 0;
      throw new SwarmError('line-too-long', `a line of more than ${this.#maxBytes} bytes was received`);
    }
    this.#parts.push(part);
  }

  #take(): Buffer {
    const line = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    return line;
  }
}

function parseLine(line: Uint8Array): JsonLine {
  try {
    return { ok: true, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)) };
  } catch (error) {
    return { ok: false, reason: `not JSON in UTF-8: ${String(error)}` };
  }
}
