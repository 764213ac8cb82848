import { socketsOf, tcpEnds, type TcpEnd } from '../../process/index.ts';
import type { WrittenBy } from '../project/agent-record.ts';

/** One agent's connections to other programs than its wrapper: bytes received so far, by socket. */
type Received = ReadonlyMap<number, number>;

/** An answer of a model brings more than this, bytes a second; pings and answers to telemetry bring less. */
const STREAM_RATE = 16;

export interface AnswerStreamDeps {
  now(): number;
  /** Time from one look to the next, ms. */
  everyMs(): number;
}

/**
 * Whether an answer of the API still arrives. Claude Code shows and writes nothing of a long one until its end, so that
 * it looks like a hang; only the kernel knows how many bytes its connections receive. Asked rarely, and for all silent
 * agents at once.
 */
export class AnswerStream {
  readonly #deps: AnswerStreamDeps;
  readonly #known = new Map<string, { at: number; received: Received }>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: AnswerStreamDeps) {
    this.#deps = deps;
  }

  /** @param silent agents that wait for the API and give no sign; the findings go into their signs */
  async look(silent: readonly WrittenBy<'watch'>[]): Promise<void> {
    const { now, everyMs } = this.#deps;
    // What came in before an agent was at work again says nothing of its next answer.
    const ids = new Set(silent.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    if (silent.length === 0 || Math.abs(now() - this.#lookedAt) < everyMs()) return;
    this.#lookedAt = now();
    const ends = await tcpEnds();
    if (ends === null) return;
    for (const record of silent) this.#compare(record, ends);
  }

  #compare(record: WrittenBy<'watch'>, ends: readonly TcpEnd[]): void {
    const { id, signs } = record;
    const { pane, snapshot } = record.observed;
    const child = snapshot?.child?.pid;
    if (pane === null || pane.pid === null || child === undefined || signs === undefined) return;
    const received = receivedBy(ends, socketsOf(child), socketsOf(pane.pid));
    const before = this.#known.get(id);
    // A clock that runs evenly: the other one may be set.
    const at = performance.now();
    this.#known.set(id, { at, received });
    if (before === undefined) return;
    if (streams(before.received, received, (at - before.at) / 1_000))
      record.signs = { ...signs, answerAt: this.#deps.now() };
  }
}

/**
 * Whether bytes of an answer arrived. A new connection does not count: it may be one more try of a request without an
 * answer. Pure.
 */
export function streams(before: Received, after: Received, seconds: number): boolean {
  return [...after].some(([inode, bytes]) => {
    const known = before.get(inode);
    return known !== undefined && bytes - known > STREAM_RATE * seconds;
  });
}

/** Bytes received by socket, without those of the wrapper's answers to hooks and telemetry. Pure. */
export function receivedBy(
  ends: readonly TcpEnd[],
  own: ReadonlySet<number>,
  ofWrapper: ReadonlySet<number>,
): Map<number, number> {
  const wrapperPorts = new Set(ends.filter(({ inode }) => ofWrapper.has(inode)).map(({ localPort }) => localPort));
  const outside = ends.filter(({ inode, peerPort }) => own.has(inode) && !wrapperPorts.has(peerPort));
  return new Map(outside.map(({ inode, received }) => [inode, received]));
}
