import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import { advance, CLAUDE_PROGRAM, newTurn, type ClaudeEvent, type Launch, type Turn } from '../../claude/index.ts';
import { startProblemOf, type ProgramPlace } from '../../lib/start-error.ts';
import { startProgram, type ProcessIdentity } from '../../process/index.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { pause, type Clock } from '../../lib/clock.ts';
import { lastWords } from '../../tmux/last-words.ts';
import { Changes } from '../../lib/changes.ts';
import type { Processes } from '../../worktree/processes.ts';

/**
 * SessionStart comes 0.3–0.5 s after the spawn. A process that stays silent for longer shows a dialog, which no agent
 * answers.
 */
const SESSION_START_MS = 15_000;
/** A start that still uses the processor after that, on a very busy machine, is waited for; a dialog uses none. */
const BUSY_LOOK_MS = 5_000;
const BUSY_CPU_MS = 30;
const LONGEST_START_MS = 120_000;
/** How long tmux may take to show what a process printed just before its end. */
const WORDS_LOOKS = 5;
const WORDS_LOOK_MS = 100;
const NEVER = new AbortController().signal;
/**
 * Turns off what a killed terminal program leaves on: bracketed paste, mouse, focus events, hidden cursor, alternate
 * screen.
 */
const RESET_TERMINAL =
  '\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?1049l\x1b[?25h\x1b[0m\r\n';

export interface StartRequest {
  sessionId: string;
  resume: boolean;
  prompt: string | null;
  /** Value of the mark in the environment of every process that the agent runs. */
  mark: string;
}

export interface PaneExit {
  at: number;
  code: number | null;
  signal: string | null;
  uptimeMs: number;
  /** swarm ended the process. */
  asked: boolean;
}

export interface ClaudePaneDeps {
  cwd: string;
  /** Prefix of every mark of this agent. */
  markPrefix: string;
  graceMs: number;
  launch(request: StartRequest): Promise<Launch>;
  /** Whether Claude Code asks something on the screen before its session can begin. */
  dialogOpen(): Promise<boolean>;
  /** Why swarm does not hear the process that works, and the cure; null: it does, as far as it knows. */
  deaf(): string | null;
  /** What was printed in the pane, line by line. */
  printed(): Promise<string>;
  /** The process ended unasked. Called once per process, after `turn` was set to gone. */
  died(exit: PaneExit): void;
  processes: Processes;
  clock: Clock;
  log: Logger;
}

interface Child {
  process: ChildProcess;
  identity: ProcessIdentity | null;
  /** Monotonic, ms. */
  startedAt: number;
  request: StartRequest;
  /** Set before swarm ends the process. */
  asked: boolean;
  exit: PaneExit | null;
}

/** The one Claude Code process of the pane. At most one lives: the next is started when the last is proved gone. */
export class ClaudePane {
  readonly changes = new Changes();
  readonly #deps: ClaudePaneDeps;
  #child: Child | null = null;
  #turn: Turn | null = null;
  #closed = false;

  constructor(deps: ClaudePaneDeps) {
    this.#deps = deps;
  }

  get turn(): Turn | null {
    return this.#turn;
  }

  get alive(): boolean {
    return this.#child !== null && this.#child.exit === null;
  }

  get identity(): ProcessIdentity | null {
    return this.alive ? (this.#child?.identity ?? null) : null;
  }

  get lastExit(): PaneExit | null {
    return this.#child?.exit ?? null;
  }

  /** Takes in an event of the process that reached the endpoint. */
  event(event: ClaudeEvent): void {
    if (this.#turn === null || !this.alive) return;
    this.#turn = advance(this.#turn, event);
    this.changes.emit();
  }

  /**
   * Starts the next process and resolves when its session has begun. The process before must have been ended.
   * @param signal aborted before the spawn: nothing is started
   * @throws StartError when the program cannot be started; SwarmError `agent-start` when the process ends before its
   * session begins, or says nothing for 15 s and uses no processor time: then it has been ended; `agent-deaf`, which
   * lasts, when it works and swarm does not hear it
   */
  async start(request: StartRequest, signal?: AbortSignal): Promise<void> {
    if (this.alive) throw new SwarmError('agent-start', 'the process before still lives');
    const { clock, log, cwd } = this.#deps;
    const [launch, before] = await Promise.all([this.#deps.launch(request), this.#deps.printed()]);
    // An end of the pane during the preparation found no process to end.
    if (this.#closed || signal?.aborted === true) throw new SwarmError('agent-start', 'it is not wanted any more');
    const startedAt = clock.monotonic();
    // The process stays in the wrapper's process group, which is the terminal's foreground.
    const begun = startProgram(launch.argv, { cwd, env: launch.env, stdio: 'inherit' }, CLAUDE_PROGRAM);
    if ('failed' in begun) throw await begun.failed;
    const { child } = begun;
    const identity = this.#deps.processes.identity(child.pid);
    const entry: Child = { process: child, identity, startedAt, request, asked: false, exit: null };
    this.#child = entry;
    this.#turn = newTurn(new Date(clock.now()).toISOString());
    child.on('error', (error) => log.warn({ error: errorText(error) }, 'a signal did not reach the agent'));
    child.once('exit', (code, signal) => this.#exited(entry, code, signal));
    log.info(
      { pid: child.pid, session: request.sessionId, resume: request.resume, prompt: request.prompt !== null },
      'agent started',
    );
    this.changes.emit();
    const [program = ''] = launch.argv;
    await this.#began(entry, { program, cwd, searchPath: launch.env['PATH'] }, before);
  }

  async #began(entry: Child, place: ProgramPlace, before: string): Promise<void> {
    const startedAt = this.#deps.clock.monotonic();
    const ms = (): number => this.#deps.clock.monotonic() - startedAt;
    let how = await this.#beginning(entry, SESSION_START_MS - BUSY_LOOK_MS);
    for (let used = this.#cpuMs(entry); how === null && ms() < LONGEST_START_MS;) {
      how = await this.#beginning(entry, BUSY_LOOK_MS);
      const before = used;
      used = this.#cpuMs(entry);
      if (used - before < BUSY_CPU_MS) break;
    }
    // A dialog waits for a person: one who comes hours later must still find it.
    while (how === null && (await this.#deps.dialogOpen())) how = await this.#beginning(entry, SESSION_START_MS);
    if (how === 'began') return;
    if (how === 'deaf') {
      const why = this.#deps.deaf() ?? '';
      await this.end();
      throw new SwarmError('agent-deaf', why, { lasting: true });
    }
    if (how === 'ended') {
      throw startProblemOf(entry.exit?.code ?? null, place, CLAUDE_PROGRAM) ?? (await this.#endedEarly(entry, before));
    }
    const seconds = Math.round(ms() / 1000);
    await this.end();
    throw new SwarmError('agent-start', `its session did not begin within ${seconds} s`, {
      hint: 'Attach to the agent: a dialog (login, trust) may be open.',
    });
  }

  /** The error of a process that ended before its session began: what it had printed is the reason. */
  async #endedEarly({ exit }: Child, before: string): Promise<SwarmError> {
    const { printed, clock, log } = this.#deps;
    const how = `it ended before its session began (${exitWords(exit)})`;
    let words = lastWords(await printed(), before);
    for (let look = 1; words === null && look < WORDS_LOOKS; look += 1) {
      await pause(clock, WORDS_LOOK_MS, NEVER);
      words = lastWords(await printed(), before);
    }
    if (words === null) return new SwarmError('agent-start', how);
    for (const line of words.lines) log.warn(`it said: ${line}`);
    return new SwarmError('agent-start', `${how}: ${words.line}`);
  }

  async #beginning(entry: Child, withinMs: number): Promise<'began' | 'ended' | 'deaf' | null> {
    const waiting = new AbortController();
    const cancel = this.#deps.clock.after(withinMs, () => waiting.abort());
    const look = () => {
      if (entry.exit !== null) return 'ended';
      if (this.#turn?.state !== 'starting') return 'began';
      return this.#deps.deaf() === null ? null : 'deaf';
    };
    const how = await this.changes.until(look, waiting.signal);
    cancel();
    return how;
  }

  #cpuMs({ process: { pid } }: Child): number {
    return pid === undefined ? 0 : this.#deps.processes.cpuMs(pid);
  }

  /** Ends the process and everything the agent ever ran, and resolves when none of it lives. */
  async end(graceMs = this.#deps.graceMs): Promise<void> {
    const child = this.#child;
    if (child !== null && child.exit === null) {
      child.asked = true;
      child.process.kill('SIGTERM');
      const cancel = this.#deps.clock.after(graceMs, () => child.process.kill('SIGKILL'));
      await this.changes.until(() => child.exit);
      cancel();
    }
    await this.#deps.processes.endMarked(this.#deps.markPrefix, graceMs);
  }

  /** Ends the process like `end`; no other is started here any more. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.end(graceMs);
  }

  /** Forgets the end of the last process: no process is wanted until the next turn, so the end is no news any more. */
  rest(): void {
    if (this.alive || this.#turn === null) return;
    this.#turn = null;
    this.changes.emit();
  }

  /** Wakes a suspended Claude Code (Ctrl-Z): the pane has no shell that could. */
  wake(): void {
    if (this.alive) this.#child?.process.kill('SIGCONT');
  }

  #exited(entry: Child, code: number | null, signal: string | null): void {
    if (entry.exit !== null) return;
    const { clock } = this.#deps;
    const at = clock.now();
    entry.exit = { at, code, signal, uptimeMs: clock.monotonic() - entry.startedAt, asked: entry.asked };
    if (this.#turn !== null) {
      this.#turn = { ...this.#turn, state: 'gone', since: new Date(at).toISOString(), openPermissions: [] };
    }
    process.stdout.write(RESET_TERMINAL);
    this.#deps.log.info({ code, signal, asked: entry.asked, uptimeMs: entry.exit.uptimeMs }, 'agent ended');
    this.changes.emit();
    if (!entry.asked) this.#deps.died(entry.exit);
  }
}

export function exitWords(exit: Pick<PaneExit, 'code' | 'signal'> | null): string {
  if (exit === null) return 'unknown';
  return exit.signal === null ? `exit ${exit.code}` : `signal ${exit.signal}`;
}
