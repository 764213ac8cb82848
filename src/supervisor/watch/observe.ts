import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { readScreen } from '../../claude/screen.ts';
import { errorText } from '../../domain/errors.ts';
import { GapWatch, type Gap, type Signs } from '../../health/index.ts';
import { scanProcesses, treeUsage, workDone, workOf, type ProcessTable, type WorkDone } from '../../process/index.ts';
import type { AgentRecord, WrittenBy } from '../project/agent-record.ts';
import { AnswerStream } from './answer-stream.ts';

/** How often all processes are scanned at most, ms, and at most for 1/200 of a core. */
const SCAN_EVERY_MS = 2_000;
const SCAN_SHARE = 200;
/** Time from one tick to the next, ms. */
const TICK_MS = 1_000;
/** Work between two scans that counts as activity: an idle program does less to stay alive. */
const ACTIVE_CPU_MS = 20;
const ACTIVE_IO_BYTES = 32 * 1024;
/** An agent that is silent for less needs no closer look, ms. */
const QUIET_MS = 3_000;
const SCREEN_EVERY_MS = 4_000;
/** A start that takes longer may wait behind a dialog, ms. */
const SLOW_START_MS = 3_000;
/** How long after a person's last key the screen is looked at for its effect, ms. */
const AFTER_KEYS_MS = 10_000;

export interface WatchDeps {
  log: Logger;
  now(): number;
  records(): readonly WrittenBy<'watch'>[];
  /** Text of an agent's pane. */
  screen(pane: string): Promise<string>;
  /** The latest key of a person by session, epoch ms. */
  keys(): Promise<ReadonlyMap<string, number>>;
  /** File with the output of a task that is a command. */
  output(agent: string, task: string, attempt: number): string;
  /** Longest time between two scans, ms: an older observation could not prove that a program works. */
  scanAtLeastEveryMs(): number;
  /** Claude Code's own directory. */
  claudeDir(): string;
  /** Called for a time in which the supervisor did not run: everything planned within it is to happen later. */
  onGap(gap: Gap): void;
}

interface Sample {
  at: number;
  done: WorkDone;
  work: NonNullable<Signs['work']>;
}

/** Observes agents, where their wrappers cannot tell. Idle ones are not observed. */
export class Watch {
  readonly #deps: WatchDeps;
  readonly #gaps = new GapWatch();
  readonly #samples = new Map<string, Sample>();
  readonly #looked = new Map<string, number>();
  readonly #answers: AnswerStream;
  #before: ProcessTable | null = null;
  #latest: ProcessTable | null = null;
  #scanCostMs = 0;
  #looking = false;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
    this.#answers = new AnswerStream({ now: deps.now, everyMs: deps.scanAtLeastEveryMs });
  }

  get gaps(): readonly Gap[] {
    return this.#gaps.gaps;
  }

  /** Looks for a gap. To be called before anything is concluded from the age of a fact. */
  beat(): void {
    const gap = this.#gaps.look(this.#deps.now());
    if (gap !== null) this.#deps.onGap(gap);
  }

  /** Once a second. */
  tick(): void {
    this.beat();
    const records = this.#deps.records();
    const working = records.filter(isAtWork);
    if (working.length > 0) this.#scan();
    for (const record of records) this.#sense(record, working.includes(record));
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookCloser(records)
      .catch((error: unknown) => this.#deps.log.debug({ error: errorText(error) }, 'a pane could not be read'))
      .finally(() => {
        this.#looking = false;
      });
  }

  /** CPU and memory of the agent's tree, scanned for this call; null while it has none. */
  useOf(record: AgentRecord): Signs['use'] {
    if (record.observed.pane?.dead !== false) return null;
    this.#scan();
    return this.#use(record);
  }

  /** Puts the present use into the agent's signs. */
  measure(record: WrittenBy<'watch'>): void {
    if (record.signs !== undefined) record.signs = { ...record.signs, use: this.useOf(record) };
  }

  /** Whether no signal had stopped the process at the last scan, which must not be older than scans usually are. */
  ran(pid: number): boolean {
    const table = this.#latest;
    if (table === null || performance.now() - table.at > SCAN_EVERY_MS + TICK_MS) return false;
    const row = table.rows.get(pid);
    return row !== undefined && row.state !== 'T';
  }

  #scan(): void {
    const age = this.#latest === null ? Infinity : performance.now() - this.#latest.at;
    const cheap = Math.min(this.#scanCostMs * SCAN_SHARE, this.#deps.scanAtLeastEveryMs());
    if (age < Math.max(SCAN_EVERY_MS, cheap)) return;
    const began = performance.now();
    this.#before = this.#latest;
    this.#latest = scanProcesses();
    this.#scanCostMs = performance.now() - began;
  }

  #use({ observed: { pane } }: AgentRecord): Signs['use'] {
    if (pane === null || pane.pid === null || pane.dead || this.#latest === null) return null;
    const usage = treeUsage(this.#before, this.#latest, pane.pid);
    if (usage === null) return null;
    const { processes, rssBytes, cpuPercent } = usage;
    return { processes, rssBytes, cpuPercent: cpuPercent ?? 0 };
  }

  #sense(record: WrittenBy<'watch'>, atWork: boolean): void {
    const { signs } = record;
    record.signs = {
      transcriptAt: atWork ? this.#wroteAt(record) : null,
      work: atWork ? this.#work(record) : null,
      answerAt: atWork ? (signs?.answerAt ?? null) : null,
      screen: signs?.screen ?? null,
      person: { attached: (record.observed.pane?.clients ?? 0) > 0, lastKeyAt: signs?.person.lastKeyAt ?? null },
      stopped: signs?.stopped ?? null,
      session: atWork && this.#isQuiet(record) ? this.#session(record) : null,
      use: atWork ? this.#use(record) : null,
    };
    if (!atWork) this.#samples.delete(record.id);
  }

  /** When the agent last wrote: Claude Code into its transcript, a command into its output. */
  #wroteAt({ id, observed: { snapshot } }: AgentRecord): number | null {
    if (snapshot === null) return null;
    const { kind, transcriptPath, tasks } = snapshot;
    const files =
      kind === 'shell' ? tasks.map(({ task, attempt }) => this.#deps.output(id, task, attempt)) : [transcriptPath];
    const times = files.map((file) => (file === null ? null : changedAt(file))).filter((at) => at !== null);
    return times.length === 0 ? null : Math.max(...times);
  }

  #work({ id, observed: { pane } }: AgentRecord): Signs['work'] {
    const table = this.#latest;
    if (pane === null || pane.pid === null || table === null) return null;
    const before = this.#samples.get(id) ?? null;
    if (before?.at === table.at) return before.work;
    const rows = workOf(pane.pid, table);
    if (rows.length === 0) {
      this.#samples.delete(id);
      return null;
    }
    const now = this.#deps.now();
    const done = workDone(rows);
    const active =
      before !== null &&
      (done.cpuMs - before.done.cpuMs >= ACTIVE_CPU_MS || done.ioBytes - before.done.ioBytes >= ACTIVE_IO_BYTES);
    const work = {
      count: rows.length,
      names: [...new Set(rows.map(({ command }) => command))].slice(0, 4).join(', '),
      since: before?.work.since ?? now,
      activeAt: active ? now : (before?.work.activeAt ?? null),
    };
    this.#samples.set(id, { at: table.at, done, work });
    return work;
  }

  #isQuiet({ observed: { snapshot } }: AgentRecord): boolean {
    const last = Math.max(Date.parse(snapshot?.lastProgressAt ?? ''), Date.parse(snapshot?.turnSince ?? ''));
    return Number.isNaN(last) || Math.abs(this.#deps.now() - last) >= QUIET_MS;
  }

  /** Claude Code's own state, the only sign of a turn that a person stopped: no hook reports it. */
  #session({ observed: { snapshot } }: AgentRecord): Signs['session'] {
    const pid = snapshot?.child?.pid;
    if (pid === undefined || snapshot?.kind !== 'claude') return null;
    const file = path.join(this.#deps.claudeDir(), 'sessions', `${pid}.json`);
    try {
      const { status, statusUpdatedAt, waitingFor } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
      if (typeof status !== 'string') return null;
      const at = typeof statusUpdatedAt === 'number' ? statusUpdatedAt : (changedAt(file) ?? 0);
      return { status, at, ...(typeof waitingFor === 'string' ? { waitsFor: waitingFor } : {}) };
    } catch {
      // Claude Code does not promise this file: other versions write none, or are just writing it.
      return null;
    }
  }

  /** Reads screens and people's keys from tmux, which answers in its own time. */
  async #lookCloser(records: readonly WrittenBy<'watch'>[]): Promise<void> {
    await this.#answers.look(records.filter((record) => this.#waitsForAnswer(record)));
    const visited = records.some(({ observed: { pane } }) => (pane?.clients ?? 0) > 0);
    const keys = visited ? await this.#deps.keys() : null;
    for (const record of records) {
      const { pane } = record.observed;
      if (record.signs === undefined || pane === null) continue;
      const lastKeyAt = keys?.get(pane.session) ?? record.signs.person.lastKeyAt;
      record.signs = { ...record.signs, person: { ...record.signs.person, lastKeyAt } };
      if (this.#deservesLook(record)) await this.#screen(record, pane.pane);
    }
  }

  /** Silent in its turn, with no program at work for it. */
  #waitsForAnswer(record: AgentRecord): boolean {
    const { signs } = record;
    const { snapshot } = record.observed;
    if (snapshot?.kind !== 'claude' || snapshot.turn !== 'busy' || !isAtWork(record)) return false;
    return signs?.work === null && (snapshot.activity?.tool ?? null) === null && this.#isQuiet(record);
  }

  #deservesLook(record: AgentRecord): boolean {
    const { id, signs } = record;
    const { linked, pane, snapshot } = record.observed;
    const now = this.#deps.now();
    if (snapshot?.kind !== 'claude' || !linked || pane?.dead !== false) return false;
    if (Math.abs(now - (this.#looked.get(id) ?? 0)) < SCREEN_EVERY_MS) return false;
    const { attached = false, lastKeyAt = null } = signs?.person ?? {};
    if (attached && lastKeyAt !== null && now - lastKeyAt < AFTER_KEYS_MS) return true;
    if (snapshot.turn === 'starting') return now - Date.parse(snapshot.turnSince) >= SLOW_START_MS;
    return isAtWork(record) && signs?.work === null && this.#isQuiet(record);
  }

  async #screen(record: WrittenBy<'watch'>, pane: string): Promise<void> {
    this.#looked.set(record.id, this.#deps.now());
    const view = readScreen(await this.#deps.screen(pane));
    if (record.signs === undefined) return;
    record.signs = { ...record.signs, screen: view === null ? null : { ...view, at: this.#deps.now() } };
  }
}

/** Whether the agent has a turn or a task, and should make progress. */
function isAtWork({ observed: { linked, snapshot, pane } }: AgentRecord): boolean {
  if (!linked || snapshot === null || pane === null || pane.dead) return false;
  return snapshot.tasks.length > 0 || ['busy', 'background', 'starting'].includes(snapshot.turn);
}

function changedAt(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null;
}
