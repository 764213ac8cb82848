export type PermissionMode = 'acceptEdits' | 'dontAsk' | 'plan' | 'bypassPermissions' | 'manual';

export interface LaunchOptions {
  /** Program and leading arguments, e.g. `["claude"]`. */
  program: string[];
  agent: string;
  /** Working directory of the agent: where the person's project settings are read. */
  cwd: string;
  /** A UUID; with `resume` the conversation to go on with. */
  sessionId: string;
  resume: boolean;
  /** Null: an idle Claude Code that a person can talk to. */
  prompt: string | null;
  permissionMode: PermissionMode;
  allow: readonly string[];
  deny: readonly string[];
  endpoint: { port: number; token: string; hookDir: string };
  /** 0700; settings, MCP config and the status line's script are written there, 0600. */
  filesDir: string;
  /** The person's environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** The person said that this repository may be worked in. */
  trustWorkspace: boolean;
  /** Added to the environment of the agent and all that it starts, e.g. `{SWARM_MARK: …}`. */
  mark: Readonly<Record<string, string>>;
}

export interface Launch {
  argv: string[];
  env: Record<string, string>;
  /** `transcript` where the person has OpenTelemetry of their own, which stays theirs: no 'usage' events come then. */
  usageFrom: 'otel' | 'transcript';
}

export declare function prepareLaunch(options: LaunchOptions): Promise<Launch>;
