import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { advance, newTurn, openEndpoint, prepareLaunch } from '../../../src/claude/index.ts';
import type { ClaudeEvent, Endpoint, LaunchOptions, ToolHandlers, Turn } from '../../../src/claude/index.ts';
import { isolatedEnvironment } from '../../support/environment.ts';
import type { IsolatedEnvironment } from '../../support/environment.ts';
import { endProcessesOf } from '../../support/processes.ts';
import { startMessagesApi } from '../../support/messages-api.ts';
import type { MessagesApi, ScriptInput } from '../../support/messages-api.ts';

/** One real Claude Code in a pane of a private tmux server, its endpoint, and a scripted model. */
export interface Pane extends AsyncDisposable {
  api: MessagesApi;
  endpoint: Endpoint;
  environment: IsolatedEnvironment;
  repository: string;
  events: ClaudeEvent[];
  /** Calls of swarm's tools: name and input. */
  calls: { tool: string; input: unknown }[];
  logs: string[];
  turn(): Turn;
  of<T extends ClaudeEvent['type']>(type: T): Extract<ClaudeEvent, { type: T }>[];
  /** Starts Claude Code in a new session; returns its process id. */
  start(options?: Partial<LaunchOptions>): Promise<{ pid: number; sessionId: string; startedAt: number }>;
  screen(): Promise<string>;
  keys(...keys: string[]): Promise<void>;
}

/** `firstRun`: a home in which Claude Code has never run. */
export async function openPane(script: ScriptInput, { firstRun = false } = {}): Promise<Pane> {
  const stack = new AsyncDisposableStack();
  try {
    const api = stack.use(await startMessagesApi({ script }));
    const environment = stack.use(await isolatedEnvironment({ anthropicBaseUrl: api.url }));
    const repository = path.join(environment.directory, 'repo');
    await execa('git', ['init', '-q', '-b', 'main', repository], { env: environment.variables, extendEnv: false });
    if (!firstRun) await writeFile(path.join(environment.home, '.claude.json'), '{"hasCompletedOnboarding":true}');
    const events: ClaudeEvent[] = [];
    const calls: Pane['calls'] = [];
    const logs: string[] = [];
    const token = randomUUID();
    const hookDir = path.join(environment.directory, "hooks it's");
    let turn = newTurn(new Date().toISOString());
    const endpoint = stack.use(
      await openEndpoint({
        token,
        hookDir,
        onEvent: (event) => {
          events.push(event);
          turn = advance(turn, event);
        },
        tools: recordingTools(calls),
        log: (message, facts) => logs.push(`${message} ${JSON.stringify(facts)}`),
      }),
    );
    const socket = path.join(environment.directory, 'tmux.sock');
    const tmux = (...args: string[]) =>
      execa('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env: environment.variables, extendEnv: false });
    stack.defer(async () => {
      await execa('tmux', ['-S', socket, 'kill-server'], { reject: false });
      // A Claude Code whose pane was taken away may take many seconds to notice.
      await endProcessesOf(environment.directory);
    });
    let count = 0;
    let target = '';

    const start: Pane['start'] = async (options = {}) => {
      const sessionId = options.sessionId ?? randomUUID();
      turn = newTurn(new Date().toISOString());
      const launch = await prepareLaunch({
        program: ['claude'],
        agent: 'worker-1',
        cwd: repository,
        root: repository,
        resume: false,
        prompt: null,
        permissionMode: 'acceptEdits',
        allow: [],
        deny: [],
        endpoint: { port: endpoint.port, token, hookDir },
        filesDir: path.join(environment.directory, "files it's"),
        env: environment.variables,
        terminal: { TERM: 'tmux-256color' },
        trustWorkspace: true,
        variables: { SWARM_MARK: 'test/worker-1/-/-' },
        ...options,
        sessionId,
      });
      const file = path.join(environment.directory, `launch-${(count += 1)}.json`);
      await writeFile(file, JSON.stringify({ ...launch, cwd: options.cwd ?? repository }), { mode: 0o600 });
      const launcher = path.join(import.meta.dirname, 'launcher.mjs');
      const startedAt = performance.now();
      const { stdout } = await tmux(
        'new-session',
        '-d',
        '-x',
        '120',
        '-y',
        '40',
        '-P',
        '-F',
        '#{pane_id} #{pane_pid}',
        '--',
        process.execPath,
        '--no-warnings',
        launcher,
        file,
      );
      const [pane, pid] = stdout.trim().split(' ');
      target = pane ?? '';
      return { pid: Number(pid), sessionId, startedAt };
    };
    const owned = stack.move();
    return {
      api,
      endpoint,
      environment,
      repository,
      events,
      calls,
      logs,
      start,
      turn: () => turn,
      of: <T extends ClaudeEvent['type']>(type: T) =>
        events.filter((event) => event.type === type) as Extract<ClaudeEvent, { type: T }>[],
      screen: async () => (await tmux('capture-pane', '-p', '-t', target)).stdout,
      keys: async (...keys) => void (await tmux('send-keys', '-t', target, ...keys)),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function recordingTools(calls: Pane['calls']): ToolHandlers {
  const record = (tool: string) => async (input: unknown) => {
    calls.push({ tool, input });
    return `${tool} noted`;
  };
  return {
    task_context: record('task_context'),
    report_progress: record('report_progress'),
    complete_task: record('complete_task'),
    fail_task: record('fail_task'),
    ask_person: record('ask_person'),
  };
}
