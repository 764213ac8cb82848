import { connect, type SwarmClient } from '../../api/client.ts';
import { SwarmError } from '../../domain/errors.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import { run, type RunEnd } from '../../process/run.ts';
import type { Context } from '../project/context.ts';
import type { Keys } from './keys.ts';
import { COMMAND_MARK, layoutOfPlace, type DemoPlace } from './place.ts';
import type { Tape } from './tape.ts';

const COMMAND_TIMEOUT_MS = 240_000;
const GRACE_MS = 5_000;
/** Time for a person to read a line, s; any key goes on. */
const READING_S = 2.5;

export interface StageOptions {
  context: Context;
  place: DemoPlace;
  /** Keys of the person who watches; null: no person does, and there is no pause for reading. */
  keys: Keys | null;
  /** Records the printed lines; null: nothing is recorded, or the screen is recorded as a whole. */
  tape: Tape | null;
}

/** A step of the demonstration, for the summary at its end. */
export interface Step {
  title: string;
  /** After the beginning, ms. */
  at: number;
}

/** The commands as a person would type and run them, with the words between them. */
export class Stage {
  readonly place: DemoPlace;
  readonly client: SwarmClient;
  readonly keys: Keys | null;
  readonly steps: Step[] = [];
  readonly signal: AbortSignal;
  readonly #context: Context;
  readonly #tape: Tape | null;
  readonly #beganAt = performance.now();

  constructor({ context, place, keys, tape }: StageOptions) {
    this.#context = context;
    this.place = place;
    this.keys = keys;
    this.#tape = tape;
    this.signal = context.interrupt.signal;
    this.client = connect(layoutOfPlace(place), { signal: this.signal, patienceMs: 10_000 });
  }

  get passedMs(): number {
    return performance.now() - this.#beganAt;
  }

  get columns(): number {
    return this.#context.output.columns;
  }

  readonly paint = (style: Parameters<Context['output']['style']>[0], text: string): string =>
    this.#context.output.style(style, text);

  /** Begins a step, with one line about it. */
  async begin(title: string): Promise<void> {
    if (this.steps.length > 0) await this.beat();
    this.steps.push({ title, at: this.passedMs });
    this.line();
    this.line(this.paint('cyan', `■ ${title}`));
  }

  line(text = ''): void {
    this.#context.output.line(text);
    this.#tape?.write(`${text}\n`);
  }

  /** Overwrites the line with the cursor; only for a person who watches. */
  overwrite(text: string): void {
    this.#context.output.stdout.write(`\r\u001B[2K${text}`);
  }

  /** Waits for the person to read. */
  async beat(seconds = READING_S): Promise<void> {
    if (this.keys !== null) await this.keys.next(seconds * 1000, this.signal);
    this.signal.throwIfAborted();
  }

  async rest(ms: number): Promise<void> {
    await sleep(systemClock, ms, this.signal);
  }

  /** Prints a command as it would be typed. */
  typed(program: string, ...args: readonly string[]): void {
    const words = args.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `"${word}"`));
    this.line(this.paint('bold', `$ ${program} ${words.join(' ')}`));
  }

  /** Prints and runs a command of swarm, with its output as it comes. */
  async show(...args: string[]): Promise<void> {
    this.typed('swarm', ...args);
    await this.#swarm(args, this.#context.output.json ? 'nowhere' : this.#tape === null ? 'inherit' : 'taped');
  }

  /** Prints and runs a command of swarm. @returns its JSON document */
  async read<T>(...args: string[]): Promise<T> {
    this.typed('swarm', ...args);
    return JSON.parse(await this.#swarm(['--json', ...args], 'caller')) as T;
  }

  /** Prints and runs another program, in the repository. */
  async run(program: string, ...args: string[]): Promise<void> {
    this.typed(program, ...args);
    const { repository: cwd, env } = this.place;
    const file = program === 'node' ? process.execPath : program;
    const end = await run([file, ...args], { cwd, env, signal: this.signal, graceMs: GRACE_MS });
    this.signal.throwIfAborted();
    if (end.exitCode !== 0) throw failed(`${program} ${args.join(' ')}`, end);
    for (const line of end.stdout.toString().trimEnd().split('\n')) this.line(line);
  }

  async #swarm(args: readonly string[], to: 'inherit' | 'taped' | 'nowhere' | 'caller'): Promise<string> {
    const { repository: cwd, env, directory } = this.place;
    const end = await run([process.execPath, process.argv[1] ?? '', ...args], {
      cwd,
      env: { ...env, [COMMAND_MARK]: directory },
      output: to === 'inherit' ? 'inherit' : 'keep',
      onOutput: to === 'taped' ? this.#forward : undefined,
      timeoutMs: COMMAND_TIMEOUT_MS,
      signal: this.signal,
      graceMs: GRACE_MS,
    });
    this.signal.throwIfAborted();
    if (end.exitCode !== 0) throw failed(`swarm ${args.join(' ')}`, end);
    return end.stdout.toString();
  }

  readonly #forward = (part: Buffer): void => {
    this.#context.output.stdout.write(part);
    this.#tape?.write(part.toString());
  };
}

function failed(command: string, { by, exitCode, signal, stdout, stderr }: RunEnd): SwarmError {
  const how = by === 'timeout' ? 'took too long' : `failed with ${signal ?? `exit code ${exitCode}`}`;
  const said = [stdout.toString(), stderr].map((text) => text.trim()).filter((text) => text !== '');
  return new SwarmError('demo-failed', [`${command} ${how}`, ...said].join(': '));
}
