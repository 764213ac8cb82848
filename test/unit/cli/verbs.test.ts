import { describe, expect, it } from 'vitest';
import type { Agent, NeedsYou } from '../../../src/api/agents/schemas.ts';
import type { StatusDocument } from '../../../src/api/status/schemas.ts';
import { parseConfig } from '../../../src/config/index.ts';
import { programsOf } from '../../../src/config/index.ts';
import { answerFor } from '../../../src/cli/verbs/answer.ts';
import { underWay, UpProgress } from '../../../src/cli/say/progress.ts';
import { explainLines } from '../../../src/cli/verbs/explain.ts';
import { downDocument, statusLines } from '../../../src/cli/project/status.ts';
import { newTask, readWords } from '../../../src/cli/verbs/task/add.ts';
import { extraRules } from '../../../src/cli/project/approve.ts';
import { brokenLines, nextStep } from '../../../src/cli/up/up.ts';
import { screen, thrown } from './run.ts';

const NOW = Date.parse('2030-01-01T00:10:00.000Z');

function agent(id: string, change: Partial<Agent> = {}): Agent {
  return {
    id,
    role: 'worker',
    kind: 'claude',
    status: 'idle',
    since: '2030-01-01T00:00:00.000Z',
    reason: null,
    pid: 1,
    session: id,
    pane: '%1',
    worktree: `/r.swarm/${id}`,
    portBase: 20_000,
    branch: null,
    task: null,
    sessionId: null,
    restarts: 0,
    checkpoint: null,
    costUsd: 0,
    tokens: 0,
    contextPercent: null,
    cpuPercent: null,
    rssBytes: null,
    lastActivityAt: null,
    ...change,
  };
}

function asks(id: string, kind: NeedsYou['kind'], text: string, of = 'worker-1'): NeedsYou {
  return { id, agent: of, kind, text, task: null, since: '2030-01-01T00:00:00.000Z' };
}

function upStatus(change: Partial<StatusDocument> = {}): StatusDocument {
  const down = downDocument({ hash: 'h', name: 'repo', root: '/repo' });
  return {
    ...down,
    project: { ...down.project, base: { branch: 'main', commit: '0123456789abcdef' } },
    supervisor: { state: 'up', pid: 7, since: '2030-01-01T00:00:00.000Z', epoch: 1, buildId: 'b' },
    broker: { state: 'up', url: null, pid: 8, private: true, reason: null },
    ...change,
  };
}

describe('explain', () => {
  it('tells the status, why, the rule, and each fact with its age', () => {
    const lines = explainLines(
      screen().output,
      {
        agent: 'worker-1',
        status: 'stuck',
        since: '2030-01-01T00:08:00.000Z',
        rule: 'no-progress',
        reason: 't1 running: no sign of progress for 12m',
        until: null,
        facts: [
          { fact: 'link', value: 'connected', ageMs: 3_600_000 },
          { fact: 'desired', value: 'up', ageMs: null },
        ],
      },
      NOW,
    );
    expect(lines).toEqual([
      'worker-1 has been stuck for 2m: t1 running: no sign of progress for 12m',
      'rule: no-progress',
      '',
      'FACT     KNOWN   VALUE',
      'link     1h ago  connected',
      'desired          up',
    ]);
  });
});

describe('status', () => {
  it('says below the table which agents have another permission mode than the default, and what it means', () => {
    const agents = [
      agent('worker-1', { permissionMode: 'auto' }),
      agent('worker-2', { permissionMode: 'acceptEdits' }),
      agent('shell-1', { kind: 'shell' }),
    ];
    const below = (shown: Agent[]): string[] =>
      statusLines(screen().output, upStatus({ agents: shown }), NOW).filter((line) => line.startsWith('permission'));
    const meaning = 'a model of Claude Code, not you, decides what agents may run, by further requests that cost';
    expect(below(agents)).toEqual([`permission mode auto: worker-1 (${meaning})`]);
    expect(below(agents.slice(0, 1))).toEqual([`permission mode auto: all agents (${meaning})`]);
    expect(below(agents.slice(1))).toEqual([]);
  });

  it('of a project that is down is one line with the command to type', () => {
    const lines = statusLines(
      screen({ command: './swarm' }).output,
      downDocument({ hash: 'h', name: 'repo', root: '/repo' }),
      NOW,
    );
    expect(lines).toEqual(['repo is not up. Start it: ./swarm up']);
  });

  it('begins with what needs a person, each with the exact command', () => {
    const status = upStatus({
      agents: [agent('worker-1', { status: 'needs-you', reason: 'permission' }), agent('worker-2')],
      needsYou: [
        asks('p1', 'permission', 'Bash: rm -rf build'),
        asks('q1', 'question', 'Which port?\u001B[2J', 'worker-2'),
      ],
      tasks: { ...upStatus().tasks, ready: 2, done: 1 },
    });
    expect(statusLines(screen().output, status, NOW)).toEqual([
      'needs you',
      '  worker-1 permission: Bash: rm -rf build',
      '      swarm answer worker-1 allow',
      '      swarm answer worker-1 deny',
      '  worker-2 question: Which port?',
      '      swarm answer worker-2 "your answer"',
      '',
      'repo up for 10m (pid 7), base main@01234567',
      'broker up; tasks: 2 ready, 1 done',
      '',
      'AGENT     STATUS     FOR  TASK  BRANCH  RESTARTS  COST  WHY',
      'worker-1  needs-you  10m                                permission',
      'worker-2  idle       10m',
    ]);
  });

  it('says once what one act settles for all, and nothing twice about work', () => {
    const working = agent('worker-1', { status: 'working', task: 't1', reason: 't1 running', costUsd: 0.0001 });
    const needsYou = [asks('a', 'trust', 'trust it'), asks('b', 'trust', 'trust it', 'worker-2')];
    const lines = statusLines(screen().output, upStatus({ agents: [working], needsYou }), NOW);
    expect(lines.slice(0, 3)).toEqual(['needs you', '  worker-1, worker-2 trust: trust it', '      swarm up --trust']);
    expect(lines.at(-1)).toBe('worker-1  working  10m  t1                      <$0.001');
  });

  it('names the question where one agent asks several', () => {
    const status = upStatus({
      agents: [agent('worker-1')],
      needsYou: [asks('a', 'permission', 'x'), asks('b', 'question', 'y')],
    });
    const text = statusLines(screen().output, status, NOW).join('\n');
    expect(text).toContain('swarm answer worker-1 allow --id a');
    expect(text).toContain('swarm answer worker-1 --id b "your answer"');
  });
});

describe('answer', () => {
  const permission = asks('p', 'permission', 'Bash: make');
  const question = asks('q', 'question', 'Which?');

  it('allow and deny decide a permission, deny with a reason', () => {
    expect(answerFor('worker-1', [permission], ['allow'])).toEqual({ needsYou: 'p', decision: 'allow' });
    expect(answerFor('worker-1', [permission], ['deny', 'not', 'now'])).toEqual({
      needsYou: 'p',
      decision: 'deny',
      text: 'not now',
    });
  });

  it('any words answer a question, also "allow"', () => {
    expect(answerFor('worker-1', [question], ['allow'])).toEqual({ needsYou: 'q', decision: 'text', text: 'allow' });
  });

  it('other words never decide a permission', async () => {
    for (const words of [['yes'], ['allow', 'it'], ['y']]) {
      expect(await thrown(() => answerFor('worker-1', [permission], words))).toMatchObject({
        code: 'bad-answer-kind',
        exitCode: 2,
      });
    }
  });

  it('with several open ones it must be said which', async () => {
    expect(await thrown(() => answerFor('worker-1', [permission, question], ['x']))).toMatchObject({
      code: 'which-question',
    });
    expect(answerFor('worker-1', [permission, question], ['x'], 'q')).toMatchObject({ needsYou: 'q' });
    expect((await thrown(() => answerFor('worker-1', [permission], ['allow'], 'z'))).hint).toBe('Open: p.');
  });

  it('with none open says how to tell it something', async () => {
    expect((await thrown(() => answerFor('worker-1', [], ['x']))).hint).toContain('swarm send worker-1');
  });
});

describe('task add', () => {
  const typed = { own: [], program: null };

  it('sends only what was said', () => {
    expect(newTask('Title', undefined, undefined, {})).toEqual({ title: 'Title' });
    expect(newTask('Title', 'Do it', undefined, { timeout: '1h30m', after: ['t1'], budget: 2, retries: 0 })).toEqual({
      title: 'Title',
      prompt: 'Do it',
      timeoutMs: 5_400_000,
      after: ['t1'],
      budgetUsd: 2,
      retries: 0,
    });
  });

  it('- is stdin', () => {
    expect(readWords('T', ['-'], typed, {})).toEqual({ title: 'T', fromStdin: true, command: undefined });
    expect(readWords('-', [], typed, {}).fromStdin).toBe(true);
    expect(readWords('T', [], typed, { promptFile: '-' }).fromStdin).toBe(true);
  });

  it('a title without quotes is answered with the quotes', async () => {
    expect((await thrown(() => readWords('Fix', ['the', 'bug'], typed, {}))).hint).toContain(
      '`swarm task add "Fix the bug"`',
    );
  });

  it('a prompt and a command are one too many, and a blank title is none', async () => {
    expect(await thrown(() => newTask('T', 'p', ['make'], {}))).toMatchObject({ code: 'usage', exitCode: 2 });
    expect(await thrown(() => newTask('  ', undefined, undefined, {}))).toMatchObject({ code: 'usage' });
    expect(await thrown(() => newTask('T', undefined, undefined, { timeout: 'soon' }))).toMatchObject({
      code: 'bad-duration',
    });
  });
});

describe('up', () => {
  it('tells each change once', () => {
    const progress = new UpProgress(['worker-1']);
    const starting = upStatus({
      broker: { ...upStatus().broker, state: 'starting' },
      agents: [agent('worker-1', { status: 'starting' })],
    });
    expect(progress.news(starting, 10)).toEqual(['broker     starting', 'worker-1   starting']);
    expect(progress.news(starting, 200)).toEqual([]);
    expect(progress.news(upStatus({ agents: [agent('worker-1'), agent('worker-9')] }), 1500)).toEqual([
      'broker     up after 1.5s',
      'worker-1   ready after 1.5s',
    ]);
    expect(progress.news(upStatus({ agents: [agent('worker-1', { status: 'working' })] }), 1700)).toEqual([]);
  });

  it('tells all of what is to be known of a start of RabbitMQ, in one line, as status does', () => {
    const reason = `RabbitMQ 4.0.5 cannot read the data of 3.10.8: they lie in ${'/a-long-way'.repeat(12)}/mnesia-3.10.8; tasks go on`;
    const status = upStatus({ broker: { ...upStatus().broker, reason } });
    const progress = new UpProgress([]);
    progress.news(upStatus({ broker: { ...upStatus().broker, state: 'starting' } }), 10);
    expect(progress.news(status, 1500)).toEqual([`broker     up: ${reason}`]);
    expect(statusLines(screen().output, status, NOW).filter((line) => /RabbitMQ|broker/.test(line))).toEqual([
      'broker up; no tasks',
      `note: ${reason}`,
    ]);
  });

  it('tells once what several agents have in common, and of what was there already no time', () => {
    const progress = new UpProgress(['worker-1', 'worker-2', 'worker-3']);
    const [one, two, three] = ['worker-1', 'worker-2', 'worker-3'].map((id) =>
      agent(id, { status: 'starting', reason: 'preparing' }),
    );
    if (one === undefined || two === undefined || three === undefined) throw new Error('three agents');
    expect(progress.news(upStatus({ agents: [one, two, agent('worker-3')] }), 10)).toEqual([
      'broker     up',
      'worker-1, worker-2 starting: preparing',
      'worker-3   ready',
    ]);
    expect(progress.news(upStatus({ agents: [{ ...one, reason: null }, two, agent('worker-3')] }), 20)).toEqual([]);
  });

  it('an agent that needs a person is not under way any more, one that is missing is', () => {
    const status = upStatus({
      agents: [agent('worker-1', { status: 'needs-you' }), agent('worker-2', { status: 'recovering' })],
    });
    expect(underWay(status, ['worker-1', 'worker-2', 'worker-3'])).toEqual(['worker-2', 'worker-3']);
  });

  it('ends with the one command to type next', () => {
    const status = upStatus({ agents: [agent('worker-1')] });
    const ready = { broken: [], logged: [], late: [] };
    expect(nextStep('swarm', status, { ...ready, broken: ['worker-2'], logged: ['worker-2'] })).toBe(
      'Next: swarm logs worker-2',
    );
    expect(nextStep('swarm', status, { ...ready, broken: ['worker-2'] })).toBe('Next: swarm attach worker-2');
    expect(nextStep('swarm', status, { ...ready, late: ['worker-2'] })).toContain('swarm status');
    expect(nextStep('swarm', upStatus({ needsYou: [asks('t', 'trust', 'x')] }), ready)).toContain('answer');
    expect(nextStep('swarm', status, ready)).toContain('swarm task add');
  });

  it('asks about every program that the config names, and about no default', () => {
    expect(programsOf(parseConfig('', 'swarm.yaml'))).toEqual([]);
    const text =
      'verify: {unit: [npm, test]}\nagents: {worker: {command: [claude, --x]}}\ntmux: {program: /elsewhere/tmux}\n';
    expect(programsOf(parseConfig(text, 'swarm.yaml'))).toEqual([
      ['agents.worker.command', ['claude', '--x']],
      ['tmux.program', ['/elsewhere/tmux']],
      ['verify.unit', ['npm', 'test']],
    ]);
    const worktree = 'worktree: {setup: [[npm, ci], [make]], teardown: [make, clean]}\n';
    const servers = {
      db: { command: 'db-mcp', args: ['--ro'], env: { NODE_OPTIONS: '-r x' } },
      web: { url: 'http://x' },
    };
    expect(programsOf(parseConfig(`${worktree}agents: {worker: {mcp: inherit}}\n`, 'swarm.yaml'), servers)).toEqual([
      ['.mcp.json db', ['NODE_OPTIONS=-r x', 'db-mcp', '--ro']],
      ['.mcp.json web', ['http://x']],
      ['agents.worker.mcp', ['inherit']],
      ['worktree.setup', ['npm', 'ci']],
      ['worktree.setup', ['make']],
      ['worktree.teardown', ['make', 'clean']],
    ]);
  });

  it('tells which rules agents get beyond those of their role', () => {
    const rules = (text: string) => extraRules(parseConfig(text, 'swarm.yaml'));
    expect(rules('verify: {unit: [npm, test]}\n')).toEqual(['Bash(npm test:*)']);
    expect(rules('verify: {unit: [npm, test]}\nagents: {worker: {allow: ["Bash(npm test:*)"]}}\n')).toEqual([]);
    expect(rules('verify: {unit: [npm, test]}\nagents: {worker: {kind: shell}}\n')).toEqual([]);
  });

  it('a set-up is told once, however long it takes, and its failure by its first line', () => {
    const progress = new UpProgress(['worker-1']);
    const told = (change: Partial<Agent>) => progress.news(upStatus({ agents: [agent('worker-1', change)] }), 1000);
    progress.news(upStatus({ agents: [agent('worker-1', { status: 'starting' })] }), 0);
    expect(told({ status: 'starting', reason: 'set-up: npm ci' })).toEqual(['worker-1   set-up: npm ci']);
    expect(told({ status: 'starting', reason: 'set-up: npm ci (12 s)' })).toEqual([]);
    expect(told({ status: 'failed', reason: 'set-up failed: x\nlast words\ncure' })).toEqual([
      'worker-1   failed: set-up failed: x',
    ]);
  });

  it('a set-up that failed is told in full, and that the others are there', () => {
    const agents = [
      agent('worker-1', { status: 'failed', reason: 'set-up failed: ["x"] ended with exit 7\nno such package' }),
      agent('worker-2'),
    ];
    expect(brokenLines(upStatus({ agents }), ['worker-1'])).toEqual([
      'worker-1: set-up failed: ["x"] ended with exit 7',
      '    no such package',
      'The others take tasks all the same: worker-2.',
    ]);
    const said = `died 6 times within 15 min, last: its wrapper ended (exit 1): Error: there is no reg`;
    expect(brokenLines(upStatus({ agents: [agent('w-1', { status: 'failed', reason: said })] }), ['w-1'])).toEqual([
      `w-1: ${said}`,
    ]);
    const alike = (id: string, took: string) =>
      agent(id, {
        status: 'failed',
        reason: `set-up failed: ended with exit 7 after ${took}; log: /logs/${id}\nmend, \`swarm restart ${id}\``,
      });
    expect(brokenLines(upStatus({ agents: [alike('w-1', '3s'), alike('w-2', '2.5s')] }), ['w-1', 'w-2'])).toEqual([
      'w-1, w-2: set-up failed: ended with exit 7 after 3s; log: /logs/w-1',
      '    mend, `swarm restart w-1`',
    ]);
  });
});
