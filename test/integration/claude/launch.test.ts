import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect, test as base } from 'vitest';
import { DISALLOWED_TOOLS, prepareLaunch } from '../../../src/claude/index.ts';
import type { Launch, LaunchOptions } from '../../../src/claude/index.ts';

const SECRET = 'secret-token';

interface Place {
  home: string;
  cwd: string;
  filesDir: string;
  hookDir: string;
  launch(options?: Partial<LaunchOptions>): Promise<Launch>;
  /** Writes settings of the person's: 'user', 'project' or 'local'. */
  settings(source: 'user' | 'project' | 'local', value: unknown): Promise<void>;
}

const test = base.extend<{ place: Place }>({
  place: async ({}, use) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'sw-launch-'));
    const inside = (name: string) => path.join(directory, name);
    const [home, cwd, filesDir, hookDir] = [inside('home'), inside('work'), inside('files'), inside('hooks')];
    for (const name of [path.join(home, '.claude'), path.join(cwd, '.claude'), hookDir])
      await mkdir(name, { recursive: true });
    await writeFile(path.join(home, '.claude.json'), '{"hasCompletedOnboarding":true}');
    const files = {
      user: path.join(home, '.claude/settings.json'),
      project: path.join(cwd, '.claude/settings.json'),
      local: path.join(cwd, '.claude/settings.local.json'),
    };
    await use({
      home,
      cwd,
      filesDir,
      hookDir,
      settings: (source, value) => writeFile(files[source], JSON.stringify(value)),
      launch: (options = {}) =>
        prepareLaunch({
          program: ['claude'],
          agent: 'worker-1',
          cwd,
          root: cwd,
          sessionId: 'S',
          resume: false,
          prompt: 'do\n"it"',
          filesDir,
          permissionMode: 'acceptEdits',
          allow: [],
          deny: [],
          trustWorkspace: false,
          variables: { SWARM_MARK: 'm' },
          endpoint: { port: 4711, token: SECRET, hookDir },
          terminal: { TERM: 'tmux-256color', TERM_PROGRAM: 'tmux' },
          env: { HOME: home, PATH: '/bin' },
          ...options,
        }),
    });
    await rm(directory, { recursive: true });
  },
});

test('the arguments are the recipe, the prompt comes last and the token is in none of them', async ({ place }) => {
  const { argv } = await place.launch();
  const file = (name: string) => path.join(place.filesDir, name);
  expect(argv).toEqual([
    'claude',
    '--session-id',
    'S',
    '--permission-mode',
    'acceptEdits',
    '--settings',
    file('settings.json'),
    '--strict-mcp-config',
    '--mcp-config',
    file('mcp.json'),
    '--disallowedTools',
    DISALLOWED_TOOLS.join(','),
    '--',
    'do\n"it"',
  ]);
  expect((await place.launch({ resume: true })).argv.slice(1, 3)).toEqual(['--resume', 'S']);
  expect((await place.launch({ prompt: null })).argv).not.toContain('--');
  expect(JSON.stringify(argv)).not.toContain(SECRET);
});

test('only the person can read the files, and none is left half written', async ({ place }) => {
  await place.launch();
  expect((await stat(place.filesDir)).mode & 0o777).toBe(0o700);
  expect((await readdir(place.filesDir)).sort()).toEqual(['mcp.json', 'settings.json', 'status-line.sh']);
  for (const name of await readdir(place.filesDir))
    expect((await stat(path.join(place.filesDir, name))).mode & 0o777).toBe(0o600);
});

test("the environment is the person's, without what leads back to tmux or another Claude Code", async ({ place }) => {
  const env = {
    HOME: place.home,
    FOO: 'bar',
    TMUX: 'x',
    TMUX_PANE: '%1',
    CLAUDECODE: '1',
    CLAUDE_CODE_SESSION_ID: 'x',
    TERM: 'xterm-kitty',
    TERM_PROGRAM: 'kitty',
    GONE: undefined,
  };
  const { env: result, usageFrom } = await place.launch({ env });
  expect(result).toEqual({
    HOME: place.home,
    FOO: 'bar',
    TERM: 'tmux-256color',
    TERM_PROGRAM: 'tmux',
    SWARM_MARK: 'm',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
    CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN: '1',
    CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY: '1',
    CLAUDE_CODE_ENABLE_AWAY_SUMMARY: '0',
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORT_INTERVAL: '100',
    OTEL_RESOURCE_ATTRIBUTES: 'swarm.agent=worker-1',
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://127.0.0.1:4711/v1/logs',
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: `Authorization=Bearer%20${SECRET}`,
  });
  expect(usageFrom).toBe('otel');
});

test('trust and first-run are only passed over where that is right', async ({ place }) => {
  expect((await place.launch()).env).not.toHaveProperty('CLAUDE_CODE_SANDBOXED');
  expect((await place.launch({ trustWorkspace: true })).env['CLAUDE_CODE_SANDBOXED']).toBe('1');
  await rm(path.join(place.home, '.claude.json'));
  const first = await place.launch();
  expect(first.env['IS_DEMO']).toBe('1');
  expect(first.usageFrom).toBe('transcript');
});

test("telemetry of the person's own stays theirs, from the shell or from settings", async ({ place }) => {
  const own = await place.launch({ env: { HOME: place.home, OTEL_LOGS_EXPORTER: 'console' } });
  expect([own.usageFrom, own.env['OTEL_LOGS_EXPORTER'], own.env['CLAUDE_CODE_ENABLE_TELEMETRY']]).toEqual([
    'transcript',
    'console',
    undefined,
  ]);
  await place.settings('user', { env: { OTEL_METRICS_EXPORTER: 'otlp' } });
  expect((await place.launch()).usageFrom).toBe('transcript');
});

test('a proxy is not asked for the way to our own machine', async ({ place }) => {
  const { env } = await place.launch({ env: { HOME: place.home, HTTPS_PROXY: 'http://proxy', no_proxy: 'corp' } });
  expect([env['NO_PROXY'], env['no_proxy']]).toEqual(['corp,127.0.0.1', 'corp,127.0.0.1']);
});

test("the status line's script feeds the endpoint and prints the person's line", async ({ place }) => {
  await place.settings('user', { statusLine: { type: 'command', command: 'echo user' } });
  await place.settings('project', { statusLine: { type: 'command', command: `printf "mine: '%s'" "$(cat)"` } });
  await place.launch();
  const { stdout } = await execa('/bin/sh', [path.join(place.filesDir, 'status-line.sh')], { input: '{"a":1}' });
  expect(stdout).toBe(`mine: '{"a":1}'`);
  expect(await readFile(path.join(place.hookDir, 'status-line'), 'utf8')).toBe('{"a":1}');
  expect(await readdir(place.hookDir)).toEqual(['status-line']);
});

test('a prompt that no argument can hold goes into a file that the agent may read', async ({ place }) => {
  const prompt = 'ü'.repeat(60_000);
  const { argv } = await place.launch({ prompt });
  const file = path.join(place.filesDir, 'prompt.md');
  expect(argv.at(-1)).toContain(file);
  expect(await readFile(file, 'utf8')).toBe(prompt);
  expect(await readFile(path.join(place.filesDir, 'settings.json'), 'utf8')).toContain(`Read(/${file})`);
  await place.launch({ prompt: 'short' });
  expect(await readdir(place.filesDir)).not.toContain('prompt.md');
});
