import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/index.ts';
import { SwarmError } from '../../../src/domain/errors.ts';

function problem(text: string): { message: string; hint: string | undefined; exitCode: number } {
  try {
    parseConfig(text, 'swarm.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(SwarmError);
    const { code, message, hint, exitCode } = error as SwarmError;
    expect(code).toBe('bad-config');
    return { message, hint, exitCode };
  }
  throw new Error('it was accepted');
}

describe('defaults', () => {
  it('an empty file is three eager Claude workers, everything filled in, durations in ms', () => {
    const config = parseConfig('', 'swarm.yaml');
    expect(config.agents).toEqual({
      worker: {
        count: 3,
        limits: {
          memory: {},
          processes: { soft: 1000, hard: 4000 },
          turn: { soft: 4 * 3_600_000 },
          usd: {},
          tokens: {},
        },
        kind: 'claude',
        command: ['claude'],
        slots: 1,
        capabilities: [],
        permissionMode: 'acceptEdits',
        allow: [],
        deny: [],
        mcp: 'none',
        idle: 'eager',
        restart: 'permanent',
        intensity: 5,
        window: 900_000,
        backoff: 1000,
        backoffMax: 300_000,
      },
    });
    expect(config.tasks).toEqual({ max: 100_000, lease: 60_000, heartbeat: 5000, retries: 2 });
    expect(config.permissions).toEqual({ unanswered: 'deny', after: 600_000 });
    expect(config.broker).toEqual({});
    expect(config.stopGrace).toBe(5000);
    expect(config.tmux).toEqual({ program: 'tmux' });
  });

  it('a section whose lines are all commented out means its defaults', () => {
    expect(parseConfig('agents:\n  worker:\n    # count: 5\nverify:\n', 'swarm.yaml')).toEqual(
      parseConfig('', 'swarm.yaml'),
    );
  });

  it('the role worker is there beside other roles, of which one agent starts unless more are asked for', () => {
    const { agents } = parseConfig('agents: {tester: {kind: shell, slots: 4}}', 'swarm.yaml');
    expect(agents['worker']?.count).toBe(3);
    expect(agents['tester']).toMatchObject({ count: 1, kind: 'shell', slots: 4 });
  });

  it('reads anchors, merges and a byte order mark', () => {
    const { agents } = parseConfig(
      '\uFEFFagents:\n  worker: &w {count: 2, idle: lazy}\n  second: {<<: *w, count: 4}\n',
      'swarm.yaml',
    );
    expect(agents['second']).toMatchObject({ count: 4, idle: 'lazy' });
  });
});

describe('a wrong key', () => {
  it('at the top is named with its line and the nearest right one', () => {
    const { message, hint, exitCode } = problem('base: main\nagnets:\n  worker: {count: 2}\n');
    expect(message).toBe('swarm.yaml:2:1: there is no key `agnets`');
    expect(hint).toMatch(/^Did you mean `agents`\? Accepted: agents, verify, /);
    expect(exitCode).toBe(2);
  });

  it('deep inside is named with line and column of the key itself', () => {
    const { message, hint } = problem('agents:\n  worker:\n    idle: lazy\n    cuont: 2\n');
    expect(message).toBe('swarm.yaml:4:5: there is no key `cuont` under `agents.worker`');
    expect(hint).toContain('Did you mean `count`?');
  });

  it('that resembles nothing is answered with what is accepted', () => {
    expect(problem('tmux: {colour: red}\n').hint).toBe('Accepted: program.');
  });

  it('is refused at the depth where it stands', () => {
    expect(problem('checkpoints: {keep: {weekly: 5m}}\n')).toMatchObject({
      message: 'swarm.yaml:1:22: there is no key `weekly` under `checkpoints.keep`',
      hint: 'Accepted: all, hourly, daily, count.',
    });
  });

  it.each([
    ['checkpoints: {maxFileSize: big}', 'checkpoints.maxFileSize: "big" is not accepted', 'a size such as'],
    ['checkpoints: {keep: {all: 8d}}', 'checkpoints.keep.all: "8d" is not accepted', 'no longer than'],
    ['checkpoints: {every: 1ms}', 'checkpoints.every: "1ms" is not accepted', 'at least 1000 ms'],
  ])('%s is met with what is accepted', (text, message, hint) => {
    const found = problem(`${text}\n`);
    expect(found.message).toContain(message);
    expect(found.hint).toContain(hint);
  });

  it('a role that cannot be a session name is refused at the key', () => {
    expect(problem('agents:\n  My Worker: {count: 1}\n').message).toBe(
      'swarm.yaml:2:3: "My Worker" cannot be a name here',
    );
  });
});

describe('a wrong value', () => {
  it.each([
    [
      'agents:\n  worker: {restart: permanant}\n',
      '2:21',
      'one of permanent, transient, temporary. Did you mean `permanent`?',
    ],
    ['agents:\n  worker:\n    count: 2.5\n', '3:12', 'a whole number'],
    ['agents:\n  worker:\n    count: 300\n', '3:12', 'at most 200'],
    ['tasks: {lease: 60}\n', '1:16', 'text'],
    ['tasks:\n  lease: soon\n', '2:10', '45s, 30m or 1h30m'],
    ['tasks:\n  lease: 1ms\n', '2:10', 'at least 1000 ms'],
    ['tasks: {lease: 5s, heartbeat: 5s}\n', '1:31', 'shorter than tasks.lease'],
    ['verify: {unit: []}\n', '1:16', 'a list that is not empty'],
    ['verify: [a]\n', '1:9', 'a section with keys'],
    ['- a\n', '1:1', 'a section with keys'],
    ['broker: {url: "http://x"}\n', '1:15', 'amqp:// or amqps://'],
    ['verify: {unit: [npm, test]}\ndefaultVerify: unti\n', '2:16', 'one of unit'],
    ['agents: {worker: {slots: 3}}\n', '1:26', 'kind shell'],
    ['stopGrace: 0s\n', '1:12', 'at least 1 ms'],
    ['worktree: {copy: [/etc/passwd]}\n', '1:19', 'inside the repository'],
    ['worktree: {copy: [a/../../b]}\n', '1:19', 'inside the repository'],
    ['worktree: {link: [node_modules/], setup: [[true-ish], [npm, ci]]}\n', '1:18', 'without node_modules'],
    ['worktree: {link: [.git]}\n', '1:19', 'inside the repository'],
    ['worktree: {setup: [npm, [ci]]}\n', '1:19', 'one command such as [npm, ci]'],
    ['worktree: {setup: [[npm, true]]}\n', '1:20', 'each word as text'],
    ['worktree: {ports: {base: 65000, size: 600}}\n', '1:26', 'ports up to 65535'],
  ])('%j is told at %s', (text, place, accepted) => {
    const { message, hint } = problem(text);
    expect(message).toMatch(new RegExp(`^swarm\\.yaml:${place}: `));
    expect(hint).toContain(accepted);
  });

  it('a command line as one string is refused with the list to write', () => {
    expect(problem('verify:\n  unit: npm test -- --run\n')).toMatchObject({
      message: 'swarm.yaml:2:9: verify.unit: a list is needed, not one string',
      hint: 'Write it as ["npm", "test", "--", "--run"]; swarm never uses a shell.',
    });
  });

  it('a set-up is one command or several', () => {
    const setup = (text: string) => parseConfig(`worktree: {setup: ${text}}\n`, 'swarm.yaml').worktree.setup;
    expect(setup('[npm, ci]')).toEqual([['npm', 'ci']]);
    expect(setup('[[npm, ci], [npm, run, build]]')).toEqual([
      ['npm', 'ci'],
      ['npm', 'run', 'build'],
    ]);
    expect(setup('[]')).toEqual([]);
  });

  it('never shows the password of a broker', () => {
    const { message, hint } = problem('broker: {url: "amqq://me:secret@host"}\n');
    expect(`${message}${hint}`).not.toContain('secret');
  });

  it('tells the first one in the file and how many more there are', () => {
    expect(problem('tasks: {max: x}\nagents: {worker: {count: y}}\n').message).toMatch(
      /^swarm\.yaml:1:14: .*\(and 1 more\)$/,
    );
  });
});

describe('broken YAML', () => {
  it.each([
    ['agents:\n\tworker: 1\n', '2:1'],
    ['base: a\nbase: b\n', '2:1'],
    ['agents: {worker: {count: 2}\n', '2:1'],
  ])('%j is told at %s', (text, place) => {
    expect(problem(text).message).toMatch(new RegExp(`^swarm\\.yaml:${place}: `));
  });
});
