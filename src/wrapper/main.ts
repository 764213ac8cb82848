import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pino, { type Logger } from 'pino';
import { CheckpointStore } from '../checkpoint/store.ts';
import {
  endsWithPrompt,
  findTranscript,
  gateText,
  hooksGate,
  openEndpoint,
  prepareLaunch,
  sessionExists,
  transcriptPath,
} from '../claude/index.ts';
import type { AgentSpec, WrapperSnapshot } from '../coordination/link.ts';
import { NO_USAGE } from '../domain/agent.ts';
import { environmentFor } from '../domain/environment.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { AGENT_MARK, WRAPPER_MARK } from '../domain/marks.ts';
import { Slots } from '../lib/slots.ts';
import { identityOf } from '../process/index.ts';
import { runTmux } from '../tmux/one-shot.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { Wrapper } from './wrapper.ts';
import { openBroker } from './link/broker.ts';
import { ClaudeAgent } from './claude/claude-agent.ts';
import type { AgentKind } from './task/agent-kind.ts';
import { SupervisorLink } from './link/supervisor-link.ts';
import { ModelAccess } from './claude/model-access.ts';
import type { Terminal, Workspace } from './contract/effects.ts';
import { processes } from '../worktree/processes.ts';
import { ShellAgent } from './shell/shell-agent.ts';
import { PersonEnvironment } from './contract/person-environment.ts';
import { readSpec } from './contract/spec.ts';
import { Spool } from './link/spool.ts';
import { startSupervisor } from './link/start-supervisor.ts';
import { AgentState } from './contract/state.ts';
import { paneTerminal } from './terminal.ts';
import { transcriptEnd, type EndedTurn } from './claude/transcript-end.ts';
import { setUpWorktree } from '../worktree/setup.ts';
import { openWorkspace, slotWorktree, type Checkpoints, type SetUpSlot } from './task/workspace.ts';

/** The wrapper: `wrapper --spec FILE`, the program of an agent's pane. Composition root; decides nothing. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { spec: { type: 'string' } } });
  if (values.spec === undefined) throw new SwarmError('usage', 'usage: wrapper --spec FILE', { exitCode: 2 });
  const specFile = values.spec;
  const spec = await readSpec(specFile);
  const paneEnv = { ...process.env };
  const adopt = (person: Readonly<Record<string, string>>): void =>
    adoptEnvironment(spec, { ...environmentFor('swarm', person), ...spec.variables });
  const person = await PersonEnvironment.open(spec.envSnapshot, {
    renewed: adopt,
    warn: (message) => log.warn(message),
  });
  adopt(person.current);
  const log = openLog(spec);
  const agent = await compose({ spec, specFile, log }, { person, paneEnv });
  handleSignals(spec, agent, log);
  agent.agent.start();
}

/**
 * Gives git and tmux, which the wrapper runs itself, the person's environment. The wrapper's mark stays, so that they
 * are found as its processes.
 */
function adoptEnvironment(spec: AgentSpec, env: Readonly<Record<string, string>>): void {
  const mark = process.env[WRAPPER_MARK] ?? `${spec.project}/${spec.agent}`;
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env, { [WRAPPER_MARK]: mark });
}

function openLog(spec: AgentSpec): Logger {
  mkdirSync(spec.logsDir, { recursive: true, mode: 0o700 });
  const file = path.join(spec.logsDir, `${spec.agent}.jsonl`);
  const destination = pino.destination({ dest: file, sync: true, mode: 0o600 });
  // A full disk costs lines of the log, not the agent.
  destination.on('error', () => undefined);
  return pino({ base: { agent: spec.agent }, level: process.env['SWARM_LOG_LEVEL'] ?? 'info' }, destination);
}

interface Composed {
  agent: Wrapper;
  wake(): void;
}

/** The environments: the person's, and the pane's own. */
interface Environments {
  person: PersonEnvironment;
  paneEnv: NodeJS.ProcessEnv;
}

async function compose(
  { spec, specFile, log }: { spec: AgentSpec; specFile: string; log: Logger },
  { person, paneEnv }: Environments,
): Promise<Composed> {
  /** Of a program that the agent starts now. */
  const env = (): Record<string, string> => ({ ...person.renew(), ...spec.variables });
  const incarnation = randomUUID();
  const state = new AgentState(firstSnapshot(spec, incarnation));
  const workspaces = new Map<number, Workspace>();
  const endedTurn = (): EndedTurn => claude?.endedTurn() ?? null;
  const workspace = (slot: number): Workspace => {
    const known =
      workspaces.get(slot) ??
      openWorkspace(spec, slot, checkpointsOf(spec, person, slot, endedTurn), setUpSlot(spec, env, slot, log));
    workspaces.set(slot, known);
    return known;
  };
  const access = new ModelAccess({ state, linked: () => link.connected, clock });
  if (spec.gate !== undefined) access.permits.set(spec.gate);
  const broker = openBroker({
    spec,
    incarnation,
    log,
    state: ({ status }) => {
      const amqp = status === 'connected' ? 'connected' : status === 'connecting' ? 'connecting' : 'none';
      const before = state.current.amqp;
      if (amqp !== before) state.update({ amqp });
      if (amqp === 'connected' && before !== 'connected') agent.brokerConnected();
      if (amqp !== 'connected' && before === 'connected') agent.brokerLost();
    },
  });
  const spool = new Spool({
    dir: path.join(spec.spoolDir, spec.agent),
    publish: (result) => broker.result(result),
    changed: (spooled) => state.update({ spooled }),
    clock,
    log,
  });
  await spool.open();
  const link = new SupervisorLink({
    socketPath: spec.linkSocket,
    token: spec.token,
    snapshot: () => state.current,
    order: (order) => agent.order(order),
    welcome: (welcome, said) => agent.welcome(welcome, said),
    gate: (order) => access.permits.set(order),
    broker: (url) => agent.setBroker(url),
    startSupervisor: () => startSupervisor(spec, specFile, environmentFor('swarm', person.renew()), print),
    clock,
    log,
  });
  state.onChange(() => link.changed());
  const parts = { spec, env, state, processes, clock, log };
  const terminal = terminalOf(spec, paneEnv['TMUX_PANE'] ?? null, log);
  const reconsider = (): void => agent.reconsider();
  const claude: ClaudeAgent | null =
    spec.kind === 'claude'
      ? await openClaude({ ...parts, access, person, paneEnv, workspace: workspace(0), link, terminal, reconsider })
      : null;
  const kind: AgentKind = claude ?? new ShellAgent({ ...parts, print });
  const exit = (code: number): void => process.exit(code);
  const agent: Wrapper = new Wrapper({ ...parts, broker, spool, link, workspace, kind, exit });
  return { agent, wake: () => claude?.wake() };
}

interface ClaudeParts {
  spec: AgentSpec;
  person: PersonEnvironment;
  env(): Record<string, string>;
  paneEnv: NodeJS.ProcessEnv;
  state: AgentState;
  workspace: Workspace;
  link: SupervisorLink;
  terminal: Terminal;
  access: ModelAccess;
  reconsider(): void;
  log: Logger;
}

function openClaude({ spec, person, env, paneEnv, link, log, ...parts }: ClaudeParts): Promise<ClaudeAgent> {
  const filesDir = path.join(spec.runtimeDir, 'agents', spec.agent);
  const hookDir = path.join(filesDir, 'hooks');
  return ClaudeAgent.open({
    ...parts,
    spec,
    log,
    clock,
    processes,
    event: (name, task, data) => link.event(name, task, data),
    transcript: async (id) =>
      (await findTranscript(env(), spec.worktree, id)) ?? transcriptPath(env(), spec.worktree, id),
    sessionExists: (id) => sessionExists(env(), spec.worktree, id),
    hasPrompt: async (id, prompt) => {
      const file = await findTranscript(env(), spec.worktree, id);
      return file !== null && (await endsWithPrompt(file, prompt));
    },
    openEndpoint: (ears) =>
      openEndpoint({
        ...ears,
        token: spec.token,
        hookDir,
        log: (message, facts) => log.warn({ ...facts }, message),
      }),
    blinding: async (unlisted) => {
      const gate = await hooksGate(env(), { root: spec.root, cwd: spec.worktree }, { runs: unlisted });
      return gate === null ? null : gateText(gate);
    },
    launch: async ({ sessionId, resume, prompt, mark }, { port, drained }) => {
      await drained();
      return await prepareLaunch({
        program: spec.command,
        agent: spec.agent,
        cwd: spec.worktree,
        root: spec.root,
        sessionId,
        resume,
        prompt,
        permissionMode: spec.permissionMode,
        allow: spec.allow,
        deny: spec.deny,
        endpoint: { port, token: spec.token, hookDir },
        filesDir,
        env: person.renew(),
        terminal: paneEnv,
        trustWorkspace: spec.trustWorkspace,
        inheritMcp: spec.mcpServers,
        variables: { ...spec.variables, [AGENT_MARK]: mark },
      });
    },
  });
}

function checkpointPlace(spec: AgentSpec, slot: number): CheckpointStore {
  const { gitCommonDir, shadowGit } = spec;
  const agent = slot === 0 ? spec.agent : `${spec.agent}-slot-${slot}`;
  const place = { gitCommonDir, shadowGit, worktree: slotWorktree(spec, slot), agent };
  return new CheckpointStore(place, spec.checkpoints);
}

function checkpointsOf(
  spec: AgentSpec,
  person: PersonEnvironment,
  slot: number,
  endedTurn: () => EndedTurn,
): Checkpoints {
  const store = checkpointPlace(spec, slot);
  const uuidOf = async (sessionId: string | null): Promise<string | null> =>
    sessionId === null
      ? null
      : await transcriptEnd(transcriptPath(person.current, spec.worktree, sessionId), endedTurn(), clock);
  return {
    capture: async (request) => store.capture({ ...request, transcriptUuid: await uuidOf(request.sessionId) }),
    captureIfStirred: async (request) =>
      store.captureIfStirred(async () => ({ ...request, transcriptUuid: await uuidOf(request.sessionId) })),
    close: () => store.close(),
  };
}

/** At most two set-ups at a time: installing takes the whole machine. */
const setUps = new Slots(2);

/** Makes the worktree of a further slot, and sets it up, when the first task needs it. */
function setUpSlot(spec: AgentSpec, env: () => Record<string, string>, slot: number, log: Logger): SetUpSlot {
  const worktree = slotWorktree(spec, slot);
  return async (signal) => {
    if (spec.setup === undefined) return;
    const { notes } = await setUpWorktree({
      root: spec.root,
      worktree,
      settings: spec.setup,
      env: { ...env(), SWARM_WORKTREE: worktree },
      mark: `${spec.project}/${spec.agent}/setup/${slot}`,
      outputFile: path.join(spec.logsDir, spec.agent, `setup.${slot}.log`),
      graceMs: spec.stopGraceMs,
      signal,
      processes,
      clock,
      turn: (work) => setUps.run(work, signal),
      progress: (what) => log.info({ slot }, `set-up: ${what}`),
      output: (line) => log.info({ slot }, line),
    });
    for (const note of notes) log.warn({ slot }, `set-up: ${note}`);
  };
}

function terminalOf(spec: AgentSpec, pane: string | null, log: Logger): Terminal {
  if (pane === null) {
    const nothing = (): Promise<string> => Promise.resolve('');
    return { presence: () => Promise.resolve(null), screen: nothing, printed: nothing };
  }
  const address = { program: spec.tmuxProgram, socket: spec.tmuxSocket };
  return paneTerminal(pane, (args) => runTmux(address, args), log);
}

function print(line: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)} ${line}\r\n`);
}

function firstSnapshot(spec: AgentSpec, incarnation: string): WrapperSnapshot {
  const wrapper = identityOf(process.pid);
  if (wrapper === null) throw new SwarmError('internal', 'this process cannot be found in the process table');
  const now = new Date().toISOString();
  return {
    agent: spec.agent,
    kind: spec.kind,
    ...(spec.kind === 'claude' ? { permissionMode: spec.permissionMode } : {}),
    slots: spec.slots,
    incarnation,
    wrapper,
    buildId: spec.buildId,
    startedAt: now,
    child: null,
    sessionId: spec.resume?.sessionId ?? null,
    transcriptPath: null,
    turn: spec.kind === 'shell' ? 'ready' : 'none',
    turnSince: now,
    lastProgressAt: null,
    tasks: [],
    needsYou: [],
    held: null,
    paused: false,
    restarts: 0,
    lastExit: null,
    failure: null,
    usage: { ...NO_USAGE },
    contextPercent: null,
    branch: null,
    checkpoint: null,
    amqp: 'none',
    spooled: [],
  };
}

function handleSignals(spec: AgentSpec, { agent, wake }: Composed, log: Logger): void {
  process.on('SIGTERM', () => void agent.stopAndLeave(spec.stopGraceMs, 0));
  // The terminal is gone, tmux with it: no order ended the task, so it is not given back.
  process.on('SIGHUP', () => {
    log.warn('hang-up: the terminal is gone');
    agent.abandon();
    void processes.endMarked(`${spec.project}/${spec.agent}`, 300).finally(() => process.exit(129));
  });
  // Writing to a terminal that is gone must not cut the end of the children short.
  process.stdout.on('error', (error) => log.debug({ error: errorText(error) }, 'stdout'));
  // Keys in the pane are the agent's, which shares the wrapper's process group.
  process.on('SIGINT', () => log.debug('SIGINT is for the agent'));
  process.on('SIGQUIT', () => log.debug('SIGQUIT is for the agent'));
  process.on('SIGTSTP', () => clock.after(100, wake));
  process.on('uncaughtException', (error) => fail(error, log));
  process.on('unhandledRejection', (error) => fail(error, log));
}

/** A wrapper in an unknown state must not go on: the supervisor clears up after it and starts another. */
function fail(error: unknown, log: Logger): void {
  log.fatal({ err: error }, 'wrapper failed');
  print(`wrapper failed: ${errorText(error)}`);
  process.exit(70);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${errorText(error)}\r\n${error instanceof SwarmError && error.hint !== undefined ? `${error.hint}\r\n` : ''}`,
  );
  process.exitCode = error instanceof SwarmError ? error.exitCode : 1;
});
