// oxlint-disable-next-line no-restricted-imports -- commands and answers go to and fro for as long as the server lives
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { systemClock } from '../lib/clock.ts';
import { ControlStream, type ControlEvent } from './control-stream.ts';
import { errorOf, TmuxError } from './errors.ts';
import { commandLine } from './quote.ts';

export interface ControlOptions {
  program: string;
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
}

export type NoticeListener = (name: string, rest: string) => void;

/** One command of a line; when one fails, the rest of its line is dropped. */
interface Pending {
  line: object;
  doing: string;
  resolve(lines: string[]): void;
  reject(error: TmuxError): void;
}

const CLOSE_MS = 1000;
/** Output that the client printed before it ended arrives within that time. */
const LAST_WORDS_MS = 50;

/** A tmux client in control mode: commands in, answers in the same order. Ends with its server or with this process. */
export class ControlClient {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #stream = new ControlStream();
  readonly #pending: Pending[] = [];
  readonly #notices = new Set<NoticeListener>();
  #said = '';
  #failure: TmuxError | null = null;
  /** Resolves with the reason when the client has ended, whatever the reason. Never rejects. */
  readonly ended: Promise<TmuxError>;
  readonly #attached = Promise.withResolvers<void>();

  constructor({ program, argv, env }: ControlOptions) {
    // Its own session: a Ctrl-C for a program in the same terminal must not end the client.
    this.#child = spawn(program, [...argv], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const ended = Promise.withResolvers<TmuxError>();
    this.ended = ended.promise;
    const end = (why: TmuxError): void => ended.resolve(this.#end(why));
    this.#child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-2000)));
    // A write to a client that has just ended fails; `close` reports the end itself.
    this.#child.stdin.on('error', (cause) => this.#end(this.#gone('its input is closed', cause)));
    this.#child.on('error', (cause) => end(this.#gone(cause.message, cause)));
    this.#child.on('close', (code, signal) => end(this.#endingOf(code, signal)));
    // The server holds the pipes too: when it hangs they never close, and `exit` has to do.
    this.#child.on('exit', (code, signal) => systemClock.after(LAST_WORDS_MS, () => end(this.#endingOf(code, signal))));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Resolves when the client has its session. Commands written earlier run before the server has read its
   * configuration.
   */
  async attached(timeoutMs: number): Promise<void> {
    const ended = this.ended.then((why) => {
      throw why;
    });
    await within(Promise.race([this.#attached.promise, ended]), timeoutMs, 'attach');
  }

  onNotice(listener: NoticeListener): () => void {
    this.#notices.add(listener);
    return () => this.#notices.delete(listener);
  }

  /**
   * Runs the commands in one go, nothing of other clients between them; the first failure ends the run.
   * @returns the output lines of each command
   */
  async run(commands: readonly (readonly string[])[], timeoutMs: number): Promise<string[][]> {
    const text = commandLine(commands);
    if (this.#failure !== null)
      throw new TmuxError('tmux-gone', this.#failure.message, { reached: 'no', cause: this.#failure });
    const line = {};
    const answers = commands.map(
      (argv) =>
        new Promise<string[]>((resolve, reject) => {
          this.#pending.push({ line, doing: argv[0] ?? '', resolve, reject });
        }),
    );
    this.#child.stdin.write(`${text}\n`);
    return within(Promise.all(answers), timeoutMs, commands[0]?.[0] ?? '');
  }

  /** Disconnects from the server, which lives on. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const cancel = systemClock.after(CLOSE_MS, () => this.#child.kill('SIGKILL'));
    await this.ended;
    cancel();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
  }

  #read(chunk: Buffer): void {
    for (const event of this.#stream.push(chunk)) this.#take(event);
  }

  #take(event: ControlEvent): void {
    if (event.type === 'reply') {
      if (event.ours) this.#answer(event.ok, event.lines);
      else if (!event.ok) this.#said = event.lines.join('\n');
    } else if (event.type === 'notice') {
      if (event.name === 'session-changed') this.#attached.resolve();
      for (const listener of this.#notices) listener(event.name, event.rest);
    } else {
      this.#end(this.#gone(`the control stream is out of step at "${event.line.slice(0, 80)}"`));
      this.#child.kill('SIGTERM');
    }
  }

  #answer(ok: boolean, lines: string[]): void {
    const first = this.#pending.shift();
    if (first === undefined) return;
    if (ok) {
      first.resolve(lines);
      return;
    }
    first.reject(errorOf(lines.join('\n'), first.doing));
    while (this.#pending[0]?.line === first.line) {
      const skipped = this.#pending.shift();
      skipped?.reject(
        new TmuxError('tmux-refused', `tmux ${skipped.doing}: not run, ${first.doing} failed`, { reached: 'no' }),
      );
    }
  }

  #endingOf(code: number | null, signal: string | null): TmuxError {
    if (this.#said.trim() !== '') return errorOf(this.#said, 'control mode');
    return this.#gone(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
  }

  #gone(why: string, cause?: unknown): TmuxError {
    return new TmuxError('tmux-gone', `the control client of tmux is gone: ${why}`, { reached: 'maybe', cause });
  }

  /** Keeps the first reason and gives it to all callers that wait. */
  #end(why: TmuxError): TmuxError {
    this.#failure ??= why;
    for (const { reject, doing } of this.#pending.splice(0)) {
      reject(new TmuxError('tmux-gone', `tmux ${doing}: no answer, ${why.message}`, { reached: 'maybe', cause: why }));
    }
    return this.#failure;
  }
}

async function within<T>(work: Promise<T>, timeoutMs: number, doing: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = systemClock.after(timeoutMs, () => {
    late.reject(new TmuxError('tmux-timeout', `tmux ${doing}: no answer within ${timeoutMs} ms`, { reached: 'maybe' }));
  });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}
