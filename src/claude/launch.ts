import { chmod, mkdir, rm } from 'node:fs/promises';
import type { PermissionMode } from '../domain/agent.ts';
import { environmentFor } from '../domain/environment.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { effectiveEnv, readClaudeJson } from './home.ts';
import type { Env } from './home.ts';
import { inheritedServers } from './mcp-servers.ts';
import { buildMcpConfig, buildSettings, buildStatusLineScript, hasOwnTelemetry, settingsPaths } from './settings.ts';
import { settingsSources } from './settings-sources.ts';

export interface LaunchOptions {
  /** Program and leading arguments, e.g. `["claude"]`. */
  program: string[];
  agent: string;
  /** Working directory of the agent: its worktree. */
  cwd: string;
  /** Root of the main checkout, whose settings count in its worktrees too. */
  root: string;
  /** A UUID; with `resume` that of the conversation to resume. */
  sessionId: string;
  resume: boolean;
  /** Null: an idle Claude Code, for a person to talk to. */
  prompt: string | null;
  permissionMode: PermissionMode;
  allow: readonly string[];
  deny: readonly string[];
  endpoint: { port: number; token: string; hookDir: string };
  /** Directory (0700) for settings, MCP config and the status line's script (0600). */
  filesDir: string;
  /** The person's environment. */
  env: Env;
  /** The pane's environment, which describes the terminal; this process's own where absent. */
  terminal?: Env | undefined;
  /** The person has agreed that agents work in this repository. */
  trustWorkspace: boolean;
  /**
   * The agent also gets the person's own MCP servers: those of their settings, as they apply in `root`, and these of
   * the project. Absent: it gets only swarm's.
   */
  inheritMcp?: Readonly<Record<string, unknown>> | undefined;
  /** Where the administrator's settings lie, where that is not the system's place. */
  managedDir?: string;
  /** Added to the environment of the agent and all its children, e.g. `{SWARM_MARK: …}`. */
  variables: Readonly<Record<string, string>>;
}

export interface Launch {
  argv: string[];
  env: Record<string, string>;
  /**
   * `transcript`: no 'usage' events will come. Either the person has OpenTelemetry of their own, which stays theirs, or
   * Claude Code runs for the first time in this home: its demo mode, which skips the first-run screens, sends none.
   */
  usageFrom: 'otel' | 'transcript';
  /** Its settings name swarm's address in a list of hook addresses, so that no list added later shuts it out. */
  inHookList: boolean;
}

/** Tools that wait for a person, wake the session later, or leave the worktree: swarm has its own means for these. */
export const DISALLOWED_TOOLS: readonly string[] = [
  'AskUserQuestion',
  'ScheduleWakeup',
  'CronCreate',
  'Monitor',
  'SendMessage',
  'ListAgents',
  'EnterWorktree',
  'ExitWorktree',
  'Workflow',
];

/** Linux ends one argument at 128 KiB (MAX_ARG_STRLEN); a longer prompt is read from a file by the agent. */
const LONGEST_ARGUMENT_BYTES = 100_000;

/** Variables that describe the pane, not the terminal in which the person once typed `swarm up`. */
const TERMINAL_VARIABLES = ['TERM', 'COLORTERM', 'TERM_PROGRAM', 'TERM_PROGRAM_VERSION'];

/** Writes the files of one start. @returns the program to spawn; in `cwd`, with exactly this environment */
export async function prepareLaunch(options: LaunchOptions): Promise<Launch> {
  const { endpoint, filesDir } = options;
  const person = (await settingsSources(options.env, options, options.managedDir)).map(({ settings }) => settings);
  const files = settingsPaths(filesDir);
  const prompt = options.prompt === null ? null : promptArgument(options.prompt, files.prompt);
  await mkdir(filesDir, { recursive: true, mode: 0o700 });
  await chmod(filesDir, 0o700);
  const settings = buildSettings({
    endpoint,
    // A rule's absolute path begins with two slashes.
    allow: prompt?.file === true ? [...options.allow, `Read(/${files.prompt})`] : options.allow,
    deny: options.deny,
    bypassPermissions: options.permissionMode === 'bypassPermissions',
    statusLineScript: files.statusLine,
    person,
  });
  await writePrivate(files.settings, JSON.stringify(settings, null, 2));
  const claudeJson = await readClaudeJson(options.env);
  const { root, inheritMcp: servers } = options;
  const inherited = servers === undefined ? {} : inheritedServers(claudeJson, person, { root, servers });
  await writePrivate(files.mcp, JSON.stringify(buildMcpConfig(endpoint, inherited), null, 2));
  await writePrivate(files.statusLine, buildStatusLineScript(endpoint.hookDir, person));
  if (prompt?.file === true) await writePrivate(files.prompt, options.prompt ?? '');
  else await rm(files.prompt, { force: true });

  const onboarded = claudeJson['hasCompletedOnboarding'] === true;
  const usageFrom = !onboarded || hasOwnTelemetry(effectiveEnv(options.env, person)) ? 'transcript' : 'otel';
  return {
    argv: buildArgv(options, prompt?.text ?? null, files),
    env: buildEnv(options, usageFrom === 'otel', onboarded),
    usageFrom,
    inHookList: 'allowedHttpHookUrls' in settings,
  };
}

function promptArgument(prompt: string, file: string): { text: string; file: boolean } {
  // No argument of a process can hold a NUL.
  const text = prompt.replaceAll('\0', '');
  if (Buffer.byteLength(text) <= LONGEST_ARGUMENT_BYTES) return { text, file: false };
  return {
    text: `Your instructions are too long for one message. Read all of ${file} first, then do what it says.`,
    file: true,
  };
}

function buildArgv(options: LaunchOptions, prompt: string | null, files: { settings: string; mcp: string }): string[] {
  return [
    ...options.program,
    ...(options.resume ? ['--resume', options.sessionId] : ['--session-id', options.sessionId]),
    '--permission-mode',
    options.permissionMode,
    '--settings',
    files.settings,
    '--strict-mcp-config',
    '--mcp-config',
    files.mcp,
    '--disallowedTools',
    DISALLOWED_TOOLS.join(','),
    // `--` ends the flags that take several values.
    ...(prompt === null ? [] : ['--', prompt]),
  ];
}

function buildEnv(options: LaunchOptions, telemetry: boolean, onboarded: boolean): Record<string, string> {
  const env = environmentFor('programs', options.env);
  for (const name of TERMINAL_VARIABLES) delete env[name];
  const terminal = options.terminal ?? process.env;
  for (const name of TERMINAL_VARIABLES) if (terminal[name] !== undefined) env[name] = terminal[name];
  env['CLAUDE_CODE_DISABLE_BACKGROUND_TASKS'] = '1';
  env['CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN'] = '1';
  env['CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY'] = '1';
  env['DISABLE_AUTOUPDATER'] = '1';
  env['CLAUDE_CODE_ENABLE_AWAY_SUMMARY'] = '0';
  if (options.trustWorkspace) env['CLAUDE_CODE_SANDBOXED'] = '1';
  if (!onboarded) env['IS_DEMO'] = '1';
  if (options.permissionMode === 'bypassPermissions' && process.getuid?.() === 0) env['IS_SANDBOX'] = '1';
  bypassProxy(env);
  if (telemetry) Object.assign(env, telemetryVariables(options));
  return { ...env, ...options.variables };
}

/** Keeps requests to the endpoint, which is on this machine, from the person's proxy. */
function bypassProxy(env: Record<string, string>): void {
  const proxied = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some(
    (name) => env[name],
  );
  if (!proxied) return;
  for (const name of ['NO_PROXY', 'no_proxy']) {
    const list = (env[name] ?? env[name === 'NO_PROXY' ? 'no_proxy' : 'NO_PROXY'] ?? '')
      .split(',')
      .filter((host) => host !== '');
    env[name] = [...new Set([...list, '127.0.0.1'])].join(',');
  }
}

/** Telemetry with one log record per API request; no metrics, no prompts. */
function telemetryVariables(options: LaunchOptions): Record<string, string> {
  const { port, token } = options.endpoint;
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `http://127.0.0.1:${port}/v1/logs`,
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: `Authorization=Bearer%20${encodeURIComponent(token)}`,
    OTEL_LOGS_EXPORT_INTERVAL: '100',
    OTEL_RESOURCE_ATTRIBUTES: `swarm.agent=${encodeURIComponent(options.agent)}`,
  };
}

/**
 * Replaces the file whole, since an agent that is just starting may be reading the old one. Not flushed: after a power
 * loss every start writes new files.
 */
async function writePrivate(file: string, text: string): Promise<void> {
  await writeFileAtomic(file, text, { mode: 0o600, fsync: false });
}
