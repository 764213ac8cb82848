import { expect, test } from 'vitest';
import { permissionText } from '../../../src/claude/hooks.ts';
import { buildMcpConfig, buildSettings, buildStatusLineScript, hasOwnTelemetry } from '../../../src/claude/settings.ts';
import { transcriptPath, usageOf, endsInterrupted } from '../../../src/claude/transcript.ts';

const endpoint = { port: 4711, token: 'secret', hookDir: "/run/it's" };
const plain = {
  endpoint,
  allow: ['Bash(npm test:*)'],
  deny: ['Bash(git push:*)'],
  bypassPermissions: false,
  statusLineScript: "/f/it's.sh",
  person: [],
};

test('every hook carries the token, and a permission request is held for a week', () => {
  const settings = buildSettings(plain) as {
    hooks: Record<string, { hooks: { type: string; url?: string; headers?: unknown; timeout: number }[] }[]>;
  };
  for (const [name, [entry]] of Object.entries(settings.hooks)) {
    const hook = entry?.hooks[0];
    if (name === 'SessionStart') {
      expect(hook?.type).toBe('command');
      continue;
    }
    expect(hook).toMatchObject({
      type: 'http',
      url: `http://127.0.0.1:4711/hook/${name}`,
      headers: { Authorization: 'Bearer secret' },
    });
    expect(hook?.timeout).toBe(name === 'PermissionRequest' ? 604_800 : 10);
  }
  expect(JSON.stringify(buildMcpConfig(endpoint))).toContain('Bearer secret');
});

test('our own tools are always allowed, beside what the project allows', () => {
  expect(buildSettings(plain)['permissions']).toEqual({
    allow: [
      'Bash(npm test:*)',
      ...['task_context', 'report_progress', 'complete_task', 'fail_task', 'ask_person'].map(
        (name) => `mcp__swarm__${name}`,
      ),
    ],
    deny: ['Bash(git push:*)'],
  });
});

test("the person's status line is wrapped, the strongest one, with its layout", () => {
  const own = [
    { statusLine: { type: 'command', command: "echo 'a' $HOME", padding: 2, other: 1 } },
    { statusLine: { type: 'command', command: 'weaker' } },
  ];
  expect(buildSettings({ ...plain, person: own })['statusLine']).toEqual({
    type: 'command',
    padding: 2,
    command: `/bin/sh '/f/it'\\''s.sh'`,
  });
  expect(buildStatusLineScript(endpoint.hookDir, own)).toContain(`/bin/sh -c 'echo '\\''a'\\'' $HOME'`);
  expect(buildStatusLineScript(endpoint.hookDir, [])).not.toContain('/bin/sh -c');
});

test('a list of allowed hook addresses is joined, never begun', () => {
  expect(buildSettings(plain)).not.toHaveProperty('allowedHttpHookUrls');
  expect(buildSettings({ ...plain, person: [{ allowedHttpHookUrls: [] }] })).toMatchObject({
    allowedHttpHookUrls: ['http://127.0.0.1:4711/*'],
  });
});

test('telemetry of the person is noticed by any of its variables', () => {
  expect(hasOwnTelemetry({ PATH: '/bin', OTEL_EMPTY: '' })).toBe(false);
  expect(hasOwnTelemetry({ OTEL_METRICS_EXPORTER: 'otlp' })).toBe(true);
  expect(hasOwnTelemetry({ CLAUDE_CODE_ENABLE_TELEMETRY: '1' })).toBe(true);
});

test('a permission request is one readable line', () => {
  expect(permissionText('Bash', { command: 'a\n  b', description: 'x' })).toBe('Bash: a b');
  expect(permissionText('Write', { file_path: '/x', content: 'c' })).toBe('Write: /x');
  expect(permissionText('mcp__x__y', { n: 1 })).toBe('mcp__x__y: {"n":1}');
  expect(permissionText('Bash', { command: 'x'.repeat(1_000) })).toHaveLength(300);
});

test("a transcript's folder is named as Claude Code names it", () => {
  const env = { HOME: '/h' };
  expect(transcriptPath(env, '/tmp/a.b_c', 's')).toBe('/h/.claude/projects/-tmp-a-b-c/s.jsonl');
  expect(transcriptPath({ ...env, CLAUDE_CONFIG_DIR: '/c' }, '/w', 's')).toBe('/c/projects/-w/s.jsonl');
  expect(transcriptPath(env, `/${'x'.repeat(300)}`, 's')).toMatch(/projects\/-x{199}-[0-9a-z]+\/s\.jsonl$/);
});

test('usage counts once per message, with its last value, and not for messages that no model wrote', () => {
  const message = (id: string, output: number, model = 'm') => ({
    type: 'assistant',
    message: { id, model, usage: { input_tokens: 5, output_tokens: output } },
  });
  const found = usageOf([
    message('a', 1),
    message('a', 7),
    message('b', 2),
    message('c', 9, '<synthetic>'),
    { type: 'user' },
  ]);
  expect(
    [...found].map(([id, { usage }]) => [id, usage.inputTokens, usage.outputTokens, usage.cacheReadTokens]),
  ).toEqual([
    ['a', 5, 7, 0],
    ['b', 5, 2, 0],
  ]);
});

test('an interruption counts only while nothing was said after it', () => {
  const interrupted = {
    type: 'user',
    uuid: '1',
    message: { content: [{ type: 'text', text: '[Request interrupted by user]' }] },
  };
  const next = { type: 'user', uuid: '2', message: { content: 'go on' } };
  expect(endsInterrupted([interrupted, { type: 'last-prompt' }])).toBe(true);
  expect(endsInterrupted([interrupted, next])).toBe(false);
  expect(endsInterrupted([])).toBe(false);
});
