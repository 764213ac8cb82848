import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete, write } from '../support/model-tools.ts';
import { startSharedAccount, type SharedAccount } from '../support/shared-account.ts';
import {
  kill,
  openWorld,
  outcomes,
  poll,
  tmux,
  UP,
  wrapperPid,
  type StatusView,
  type World,
  type EventView,
} from './world.ts';

let world: World;
let account: SharedAccount;

const job = (name: string, inputTokens = 100) => ({
  name,
  matches: `: ${name}\\b`,
  steps: [
    { tools: [write(`${name}.txt`, 'x\n')], inputTokens },
    { tools: [complete('done')], inputTokens },
    { text: 'ok', inputTokens },
  ],
});
const settings = (more = ''): string =>
  [
    'agents: {worker: {count: 3}}',
    'holds:',
    '  login: 1500ms',
    '  rateLimit: 1500ms',
    '  overload: {failures: 2, wait: 1500ms}',
    '  stagger: 300ms',
    more,
    '',
  ].join('\n');

const events = async (name: string): Promise<EventView[]> =>
  (await world.ok(['events', '--json'])).jsonLines<EventView>().filter((event) => event.name === name);
const seen = (name: string, data: Record<string, unknown>): Promise<EventView[]> =>
  poll(
    async () => (await events(name)).filter((event) => Object.entries(data).every(([k, v]) => event.data[k] === v)),
    (found) => found.length > 0,
    `${name} ${JSON.stringify(data)}`,
  );
const three = (name: string): Promise<string[]> => Promise.all([1, 2, 3].map((n) => world.add(`${name} ${n}`)));
const degraded = async (): Promise<string> =>
  ((await world.status()) as StatusView & { degraded?: string[] }).degraded?.join('\n') ?? '';

/** Each task had one attempt and is done: a failure of the whole account is no task's failure. */
async function expectOneAttemptEach(ids: string[]): Promise<void> {
  for (const id of ids) expect(outcomes(await world.task(id))).toEqual(['done']);
}

describe('what agents of one account share', () => {
  beforeAll(async () => {
    world = await openWorld({
      environment: { variables: { CLAUDE_CODE_MAX_RETRIES: '1' } },
      repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': settings() } },
      script: { rules: ['login', 'limit', 'late', 'overload'].map((name) => job(name)).concat(job('dear', 50_000)) },
    });
    account = await startSharedAccount(world.api?.url ?? '');
    world.environment.variables['ANTHROPIC_BASE_URL'] = account.url;
    await world.ok(UP);
    await world.brokerUp();
    await world.all('idle');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await account[Symbol.asyncDispose]();
  });

  test('a refused login is one alert, only one agent asks, and all go on when it is back', async () => {
    account.refusal = { status: 401, message: 'invalid x-api-key' };
    const tasks = await three('login');
    const [held] = await seen('account.held', { kind: 'auth' });
    await poll(
      () => world.status(),
      ({ agents }) => agents.filter(({ status }) => status === 'held').length >= 2,
      'the others to be held',
    );
    expect(await degraded()).toContain('account held: login refused');
    await poll(
      () => events('account.probe'),
      (probes) => probes.length >= 2,
      'two probes',
    );
    const since = Date.parse(held?.at ?? '');
    const probes = await events('account.probe');
    // A request from before the hold may fail once more; after that each probe asks, and repeats it once.
    const late = account.requests.filter(({ at }) => at > since + 2_500);
    expect(late.length).toBeLessThanOrEqual(2 * probes.length);
    account.refusal = null;
    await world.done(...tasks);
    await expectOneAttemptEach(tasks);
    expect(
      (await events('alert.raised')).filter(({ data }) => String(data['key']).startsWith('account.')),
    ).toHaveLength(1);
    expect(await degraded()).toBe('');
  });

  test('a rate limit is waited for until the time that it names, and otherwise for as long as the settings say', async () => {
    account.refusal = { status: 429, message: 'too many requests' };
    const tasks = await three('limit');
    await seen('account.held', { kind: 'rate-limit' });
    account.refusal = null;
    await world.done(...tasks);
    const resets = new Date(Date.now() + 12_000);
    account.refusal = { status: 429, message: `your limit resets at ${resets.toISOString()}` };
    const later = await three('late');
    await poll(
      degraded,
      (text) => text.includes(`rate limit, until ${resets.toISOString().slice(0, 17)}`),
      'the stated time',
    );
    // A request from before the hold is repeated once, and would be answered now.
    await world.all('held');
    const heldAt = Date.now();
    account.refusal = null;
    await world.done(...later);
    expect(heldAt).toBeLessThan(resets.getTime());
    expect(account.requests.filter(({ at }) => at < resets.getTime() && at > heldAt)).toEqual([]);
    await expectOneAttemptEach([...tasks, ...later]);
  });

  test('an overloaded API opens the breaker for all, and one agent closes it', async () => {
    account.refusal = { status: 529, message: 'Overloaded' };
    const tasks = await three('overload');
    await seen('account.held', { kind: 'overload' });
    account.refusal = null;
    await world.done(...tasks);
    await seen('account.free', { kind: 'overload' });
    await expectOneAttemptEach(tasks);
  });

  test('no agent asks after the request that crossed the budget, also under the next supervisor, until a person grants more', async () => {
    // Seven requests of these tasks, of nine at least; as much again is enough for the rest, also where a turn that was
    // ended had to ask once more.
    const spent = (await world.status()).agents.reduce(
      (sum, agent) => sum + (agent as unknown as { costUsd: number }).costUsd,
      0,
    );
    await writeFile(
      path.join(world.repository.path, 'swarm.yaml'),
      settings(`budget: {usd: ${(spent + 1.4).toFixed(4)}}`),
    );
    await seen('config.applied', {});
    const tasks = await three('dear');
    const [crossed] = await seen('budget.spent', {});
    const at = Date.parse(crossed?.at ?? '');
    await world.all('held');
    const after = account.requests.filter((request) => request.at > at + 500);
    expect(after).toEqual([]);
    expect(await degraded()).toContain('budget spent');
    process.kill((await world.status()).supervisor.pid ?? 0, 'SIGKILL');
    await world.all('held');
    expect(account.requests.filter((request) => request.at > at + 500)).toEqual([]);
    const resumed = await world.ok(['resume', 'worker-1']);
    expect(resumed.stdout).toMatch(
      /The budget was spent. Granted: .* USD more: .* in this day; that holds until midnight/,
    );
    await world.done(...tasks);
    await expectOneAttemptEach(tasks);
  });
});

describe('many deaths at once', () => {
  beforeAll(async () => {
    const death = 'holds: {stagger: 100ms, massDeath: {wait: 200ms, alive: 1500ms}}';
    const files = { 'README.md': 'a project\n', 'swarm.yaml': `agents: {worker: {kind: shell, count: 3}}\n${death}\n` };
    world = await openWorld({ repository: { files } });
    await world.ok(UP);
    await world.all('idle');
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('the end of the tmux server is mended at once, and wrappers that all die are started one before the others', async () => {
    await tmux(world.environment, 'kill-server');
    await poll(
      () => world.status(),
      ({ agents }) => agents.every(({ status, restarts }) => status === 'idle' && restarts === 1),
      'all to be back',
    );
    expect(await events('swarm.mass-death')).toEqual([]);
    const pids = await Promise.all([1, 2, 3].map((n) => wrapperPid(world, `worker-${n}`)));
    for (const pid of pids) kill(pid);
    await seen('swarm.mass-death', {});
    await seen('alert.raised', { key: 'mass-death', severity: 'critical' });
    await poll(
      () => world.status(),
      ({ agents }) => agents.every(({ status, restarts }) => status === 'idle' && restarts === 2),
      'all to be back again',
    );
    const [held] = await events('swarm.mass-death');
    const [over] = await events('swarm.mass-death-over');
    const began = (await events('agent.started')).filter(({ at }) => at > (held?.at ?? ''));
    expect(began.map(({ at }) => at < (over?.at ?? ''))).toEqual([true, false, false]);
    expect(await degraded()).toBe('');
  });
});
