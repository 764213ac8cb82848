import { StringDecoder } from 'node:string_decoder';

export type ControlEvent =
  /** `ours`: the answer to a line that this client wrote; others answer commands of hooks or of attaching. */
  | { type: 'reply'; ours: boolean; ok: boolean; lines: string[] }
  | { type: 'notice'; name: string; rest: string }
  /** Output outside every block: text of a pane has closed a block early. Nothing after it can be trusted. */
  | { type: 'broken'; line: string };

const BEGIN = /^%begin (\d+ \d+ (\d+))$/;

/** tmux's control mode as events. A block ends only with the very numbers that it began with. */
export class ControlStream {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #block: { id: string; ours: boolean; lines: string[] } | null = null;

  push(chunk: Buffer): ControlEvent[] {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    const events: ControlEvent[] = [];
    for (const line of lines) {
      const event = this.#line(line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  #line(line: string): ControlEvent | null {
    const block = this.#block;
    if (block === null) return this.#outside(line);
    const ok = line === `%end ${block.id}`;
    if (!ok && line !== `%error ${block.id}`) {
      block.lines.push(line);
      return null;
    }
    this.#block = null;
    return { type: 'reply', ours: block.ours, ok, lines: block.lines };
  }

  #outside(line: string): ControlEvent | null {
    const begin = BEGIN.exec(line);
    if (begin !== null) {
      this.#block = { id: begin[1] ?? '', ours: (Number(begin[2]) & 1) === 1, lines: [] };
      return null;
    }
    const notice = /^%(?!(?:end|error) )(\S+) ?(.*)$/.exec(line);
    if (notice === null) return { type: 'broken', line };
    return { type: 'notice', name: notice[1] ?? '', rest: notice[2] ?? '' };
  }
}
