import type { Logger } from 'pino';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import { isDialog, readScreen } from '../../claude/index.ts';
import type { ClaudeEvent, Endpoint, Launch, ToolHandlers } from '../../claude/index.ts';
import type { AgentSpec, Order } from '../../coordination/link.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { ActivityWatch } from './activity.ts';
import { agentTools } from './agent-tools.ts';
import type { Attempt, TaskBody } from '../task/attempt.ts';
import { ClaudeTask } from './claude-task.ts';
import { ClaudePane, type StartRequest } from './claude-pane.ts';
import { Conversation } from './conversation.ts';
import { beforeHarm, type BeforeTool } from './before-harm.ts';
import { deliverAll } from './deliver.ts';
import type { AgentKind } from '../task/agent-kind.ts';
import { Mailbox } from './mailbox.ts';
import type { ModelAccess } from './model-access.ts';
import { NeedsYouBoard } from './needs-you.ts';
import { HookWatch } from './hook-watch.ts';
import { SettingsWatch } from './settings-watch.ts';
import type { Terminal, Workspace } from '../contract/effects.ts';
import type { AgentProcesses } from '../../worktree/processes.ts';
import { interruptedPrompt } from '../task/prompt.ts';
import { countTokens, lateTelemetry } from './late-usage.ts';
import { markOf } from '../contract/spec.ts';
import type { AgentState } from '../contract/state.ts';
import type { EndedTurn } from './transcript-end.ts';
import { isWorking } from './turn-end.ts';
import { UsageMeter, usageSince } from './usage-meter.ts';

/**
 * How long the agent waits for a first task before it starts an idle process, ms. The answer to the first claim usually
 * comes much sooner and ends the wait.
 */
const IDLE_AFTER_MS = 500;

export interface ClaudeAgentDeps {
  spec: AgentSpec;
  workspace: Workspace;
  /** Opens the loopback endpoint, which passes events and tool calls to `ears`. */
  openEndpoint(ears: EndpointEars): Promise<Endpoint>;
  access: ModelAccess;
  launch(request: StartRequest, endpoint: Endpoint): Promise<Launch>;
  /**
   * What keeps Claude Code's hooks from running in the worktree, and its cure; null: nothing.
   * @param unlisted a process runs whose settings do not name swarm's address in a list of hook addresses
   */
  blinding(unlisted: boolean): Promise<string | null>;
  /** Where a process writes the transcript of its conversation. */
  transcript(sessionId: string): Promise<string>;
  sessionExists(sessionId: string): Promise<boolean>;
  hasPrompt(sessionId: string, prompt: string): Promise<boolean>;
  terminal: Terminal;
  processes: AgentProcesses;
  state: AgentState;
  event<N extends WrapperEventName>(name: N, task: string | null, data: EventMap[N]): void;
  /** Called when `able` may have changed. */
  reconsider(): void;
  clock: Clock;
  log: Logger;
}

/** The listeners that the endpoint passes its requests to. */
export interface EndpointEars {
  onEvent(event: ClaudeEvent): void;
  tools: ToolHandlers;
  beforeTool: BeforeTool;
  mayGoOn(when: 'before' | 'after'): Promise<void>;
  edge(): string | null;
}

/** What keeps swarm from seeing what the agent does, and its cure: a setting, or something unknown. */
interface Blindness {
  setting: string | null;
  deaf: string | null;
}

interface Current {
  attempt: Attempt;
  body: ClaudeTask;
}

/** One Claude Code in one pane, with its conversations, its questions and its tasks. */
export class ClaudeAgent implements AgentKind {
  readonly #deps: ClaudeAgentDeps;
  readonly #pane: ClaudePane;
  readonly #conversation: Conversation;
  readonly #board: NeedsYouBoard;
  readonly #settings: SettingsWatch;
  readonly #hooks: HookWatch;
  #blind: Blindness = { setting: null, deaf: null };
  #transcript: string | null = null;
  readonly #mailbox = new Mailbox();
  readonly #meter = new UsageMeter();
  readonly #activity = new ActivityWatch();
  /** Of the last process: a list of hook addresses that comes up while it lives shuts swarm out. */
  #isUnlisted = false;
  #nudge: string | null = null;
  readonly #stopping = new AbortController();
  #endpoint: Endpoint | null = null;
  #current: Current | null = null;
  #budget: { attempt: Attempt; limit: number } | null = null;
  #draining: Promise<void> | null = null;
  /** Cancels the start of an idle process; null while none is planned. A task that comes first cancels it too. */
  #cancelIdle: (() => void) | null = null;
  #wasAble = true;
  #hadFailed = false;

  static async open(options: ClaudeAgentDeps): Promise<ClaudeAgent> {
    const agent = new ClaudeAgent(options);
    const beforeTool = beforeHarm(options.spec.checkpoints.before, (reason) => agent.#capture(reason));
    const tools = agentTools({
      inHand: () => agent.#current?.body ?? null,
      event: (name, task, data) => options.event(name, task, data),
    });
    agent.#endpoint = await options.openEndpoint({
      onEvent: (event) => agent.#event(event),
      tools,
      beforeTool,
      mayGoOn: (when) => options.access.edge(when, agent.#budget?.limit ?? null),
      edge: () => agent.#edge(),
    });
    return agent;
  }

  private constructor(options: ClaudeAgentDeps) {
    this.#deps = options;
    const { spec, clock, log, processes, terminal, state } = options;
    const event = <N extends WrapperEventName>(name: N, data: EventMap[N]): void =>
      options.event(name, this.#task, data);
    this.#pane = new ClaudePane({
      cwd: spec.worktree,
      markPrefix: `${spec.project}/${spec.agent}`,
      graceMs: spec.stopGraceMs,
      launch: (request) => this.#launch(request),
      dialogOpen: async () => isDialog(readScreen(await terminal.screen())),
      deaf: () => this.#blind.deaf,
      printed: () => terminal.printed(),
      died: (exit) => this.#conversation.died(exit),
      processes,
      clock,
      log,
    });
    this.#settings = new SettingsWatch({
      look: (of) => options.blinding(of === 'present' && this.#pane.alive && this.#isUnlisted),
      changed: (setting) => {
        this.#blinded({ setting });
        if (setting === null) this.#accessChanged();
      },
      clock,
    });
    this.#hooks = new HookWatch({
      agent: spec.agent,
      transcript: () => (this.#pane.alive ? (this.#pane.turn?.transcriptPath ?? this.#transcript) : null),
      changed: (deaf) => this.#blinded({ deaf }),
      clock,
      log,
    });
    this.#conversation = new Conversation({
      spec,
      settings: this.#settings,
      pane: this.#pane,
      terminal,
      state,
      access: options.access,
      sessionExists: options.sessionExists,
      hasPrompt: options.hasPrompt,
      captureCrash: () => this.#capture('crash'),
      event,
      clock,
      log,
    });
    this.#board = new NeedsYouBoard({
      unanswered: spec.unanswered,
      decide: (id, decision) => this.#endpoint?.decidePermission(id, decision) ?? false,
      terminal,
      changed: () => this.#pane.changes.emit(),
      event,
      clock,
    });
    this.#pane.changes.on(() => this.#publish());
    options.access.permits.changes.on(() => this.#accessChanged());
    state.onChange(() => this.#failureChanged());
  }

  get #task(): string | null {
    return this.#current?.attempt.order.task ?? null;
  }

  able(): boolean {
    return this.#draining === null && !isWorking(this.#pane.turn);
  }

  begin(): void {
    void this.#settings.run();
    void this.#hooks.run();
    this.#idleSoon();
  }

  /** Starts an idle process for the person after a moment. A task that comes first starts its own process instead. */
  #idleSoon(): void {
    const { spec, clock } = this.#deps;
    if (spec.idle !== 'eager') return this.#pane.rest();
    this.#cancelIdle?.();
    this.#cancelIdle = clock.after(IDLE_AFTER_MS, () => this.nothingToDo());
  }

  /** Ends the wait for a first task: there is none. */
  nothingToDo(): void {
    if (this.#cancelIdle === null) return;
    this.#cancelIdle();
    this.#cancelIdle = null;
    if (this.#current === null && !this.#pane.alive && !this.#stopping.signal.aborted) void this.#conversation.idle();
  }

  sessionId(): string | null {
    return this.#conversation.sessionId;
  }

  endedTurn(): EndedTurn {
    const turn = this.#pane.turn;
    return turn?.state === 'idle' && turn.failure === null ? { lastWords: turn.lastMessage } : null;
  }

  body(attempt: Attempt): TaskBody {
    const { spec, state, clock, log } = this.#deps;
    const start = this.#meter.total;
    const { budgetUsd } = attempt.order;
    const parts = { conversation: this.#conversation, pane: this.#pane, board: this.#board, mailbox: this.#mailbox };
    const body = new ClaudeTask(attempt, {
      ...parts,
      mark: markOf(spec, attempt.order),
      phase: (phase) => state.setTask(attempt.held(phase, new Date(clock.now()).toISOString())),
      event: (name, data) => this.#deps.event(name, attempt.order.task, data),
      usage: async () => {
        await lateTelemetry(this.#meter, this.#pane, clock, this.#stopping.signal);
        return usageSince(this.#meter.total, start);
      },
      overBudget: () => budgetUsd !== null && usageSince(this.#meter.total, start).costUsd >= budgetUsd,
      log,
    });
    this.#current = { attempt, body };
    this.#budget = budgetUsd === null ? null : { attempt, limit: this.#meter.total.costUsd + budgetUsd };
    return body;
  }

  async ended(): Promise<void> {
    this.#current = null;
    this.#budget = null;
    // Messages that a person sent during the task come before the next task.
    await this.#drain();
    if (!this.#pane.alive) this.#idleSoon();
  }

  async restart(): Promise<unknown> {
    this.#deps.state.update({ failure: null, held: null });
    const prompt = this.#interruptedPrompt('a person restarted you');
    await this.#conversation.interrupt(prompt, () => this.#capture('before-restart'));
    return { sessionId: this.#conversation.sessionId };
  }

  /** @throws SwarmError `nothing-to-interrupt` */
  async interrupt({ what, reason }: Extract<Order, { do: 'interrupt' }>): Promise<unknown> {
    if (what === 'command' && (await this.#deps.processes.endWork(this.#deps.spec.stopGraceMs)) > 0)
      return { ended: 'command' };
    if (!isWorking(this.#pane.turn)) throw new SwarmError('nothing-to-interrupt', 'no turn is under way');
    await this.#conversation.interrupt(this.#interruptedPrompt(reason), () => this.#capture('before-restart'));
    return { ended: 'turn' };
  }

  nudge(text: string): unknown {
    if (!isWorking(this.#pane.turn)) throw new SwarmError('nothing-to-interrupt', 'no turn is under way');
    this.#nudge = text;
    return { receipt: 'queued' };
  }

  #edge(): string | null {
    const text = this.#nudge;
    this.#nudge = null;
    if (text !== null) this.#deps.event('agent.nudged', this.#task, { text });
    return text;
  }

  answer(order: Extract<Order, { do: 'answer' }>): unknown {
    return this.#board.answer(order);
  }

  send({ id, text }: Extract<Order, { do: 'send' }>): unknown {
    if (this.#mailbox.put({ id, text })) {
      this.#pane.changes.emit();
      if (this.#current === null) void this.#drain();
    }
    return { receipt: 'queued' };
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#settings.close();
    this.#hooks.close();
    this.#board.close();
    await this.#conversation.stop(graceMs);
    await this.#endpoint?.close();
  }

  /** Wakes a suspended Claude Code: the pane has no shell that could. */
  wake(): void {
    this.#pane.wake();
  }

  #interruptedPrompt(why: string): string {
    return this.#current === null
      ? `You were interrupted: ${why}.`
      : interruptedPrompt(this.#current.attempt.order, why);
  }

  async #launch(request: StartRequest): Promise<Launch> {
    if (this.#endpoint === null) throw new Error('the endpoint is not open yet');
    const launch = await this.#deps.launch(request, this.#endpoint);
    this.#isUnlisted = !launch.inHookList;
    this.#meter.begins(request.sessionId, launch.usageFrom === 'otel', !request.resume);
    this.#activity.begins();
    this.#transcript = await this.#deps.transcript(request.sessionId);
    await this.#hooks.begins(this.#transcript);
    return launch;
  }

  /** Something has begun to blind swarm, or no longer does. A setting explains what else is seen of it. */
  #blinded(change: Partial<Blindness>): void {
    const before = this.#blind.setting ?? this.#blind.deaf;
    this.#blind = { ...this.#blind, ...change };
    const now = this.#blind.setting ?? this.#blind.deaf;
    if (now !== before) this.#board.settings(now, this.#task);
    this.#pane.changes.emit();
  }

  /**
   * The model permit has changed: a turn under way may have to end, and an agent without a process may start an idle
   * one.
   */
  #accessChanged(): void {
    this.#pane.changes.emit();
    const { permits: gate } = this.#deps.access;
    if (gate.closed !== null || this.#current !== null || this.#pane.alive || this.#cancelIdle !== null) return;
    if (!this.#conversation.inTurn) this.#idleSoon();
  }

  /** Delivers the messages that a person sent while Claude Code could not be started, once it can. */
  #failureChanged(): void {
    const failed = this.#deps.state.current.failure !== null;
    const mended = this.#hadFailed && !failed;
    this.#hadFailed = failed;
    if (mended && this.#current === null) void this.#drain();
  }

  #event(event: ClaudeEvent): void {
    this.#deps.access.event(event);
    this.#hooks.event(event);
    if (this.#meter.event(event)) {
      this.#deps.state.update({ usage: this.#meter.total });
      this.#deps.access.spent(this.#meter.total.costUsd);
      if (this.#budget !== null && this.#meter.total.costUsd >= this.#budget.limit)
        this.#budget.attempt.breakOff('budget');
    }
    if (event.type === 'status-line' && event.contextPercent !== null) {
      this.#deps.state.update({ contextPercent: event.contextPercent });
    }
    if (this.#pane.alive) this.#activity.event(event);
    this.#pane.event(event);
    if (event.type !== 'turn-ended' && event.type !== 'turn-failed') return;
    this.#nudge = null;
    void countTokens(this.#meter, this.#pane, this.#deps);
    // The checkpoint at the end of a task's turn is taken by its attempt.
    if (this.#current?.body.begun !== true) void this.#capture('turn-end');
  }

  /** Copies what the turn machine knows into the snapshot. */
  #publish(): void {
    const { state } = this.#deps;
    const turn = this.#pane.turn;
    this.#board.permissions(turn?.openPermissions ?? [], this.#task);
    const own = this.#current?.body.follow() ?? null;
    if (own !== null) state.noteSession(0, own);
    state.update({
      child: this.#pane.identity,
      sessionId: this.#conversation.sessionId,
      transcriptPath: turn?.transcriptPath ?? state.current.transcriptPath,
      turn: turn?.state ?? 'none',
      turnSince: turn?.since ?? state.current.turnSince,
      lastProgressAt: turn?.lastProgressAt ?? state.current.lastProgressAt,
      activity: this.#activity.current,
      needsYou: this.#board.list,
    });
    if (this.able() !== this.#wasAble) {
      this.#wasAble = !this.#wasAble;
      this.#deps.reconsider();
    }
  }

  /** Delivers the waiting messages, each as one turn of the conversation in hand. */
  #drain(): Promise<void> {
    const { spec, event, log } = this.#deps;
    const said = <N extends WrapperEventName>(name: N, data: EventMap[N]): void => event(name, null, data);
    const [mailbox, conversation, signal] = [this.#mailbox, this.#conversation, this.#stopping.signal];
    const parts = { mailbox, conversation, signal, mark: markOf(spec, null), event: said, log };
    this.#draining ??= deliverAll(parts).finally(() => {
      this.#draining = null;
      this.#publish();
    });
    return this.#draining;
  }

  async #capture(reason: string): Promise<void> {
    const { workspace, state, clock, log } = this.#deps;
    const { attempt: held = null, body = null } = this.#current ?? {};
    const { task = null, attempt = null } = (body?.begun === true ? held?.order : null) ?? {};
    try {
      const { sessionId } = this.#conversation;
      const captured = await workspace.capture({ reason, task, attempt, sessionId });
      state.update({ checkpoint: { n: captured.n, at: new Date(clock.now()).toISOString() } });
    } catch (error) {
      log.error({ reason, error: errorText(error) }, 'a checkpoint failed');
    }
  }
}
