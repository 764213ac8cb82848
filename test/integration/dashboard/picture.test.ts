import path from 'node:path';
import { describe, expect } from 'vitest';
import { repositoryRoot } from '../../support/environment.ts';
import { eventually } from '../../support/eventually.ts';
import { screenSvg } from '../../support/screen-svg.ts';
import { test } from './dash-pane.ts';
import { fakeAgent, fakePermission, fakeQuestion, fakeStatus, fakeTask } from './fake-supervisor.ts';

const PICTURE = path.join(repositoryRoot, 'templates/dashboard.svg');
const REWRITE = 'scripts/test integration -- dashboard/picture -u';
const SIZE = { columns: 100, rows: 30 };

/** This time of today, since the dashboard shows the date of other days. */
const at = (time: string): string => `${new Date().toISOString().slice(0, 10)}T${time}:00.000Z`;
const attempt = (agent: string) => ({
  n: 1,
  agent,
  startedAt: at('14:02'),
  endedAt: null,
  outcome: null,
  error: null,
  errorClass: null,
  sessionId: null,
});

const AGENTS = [
  fakeAgent('worker-1', { status: 'needs-you', since: at('14:06'), task: 't4', costUsd: 0.31, contextPercent: 18 }),
  fakeAgent('worker-2', {
    status: 'working',
    since: at('14:05'),
    task: 't5',
    costUsd: 0.52,
    contextPercent: 41,
    restarts: 1,
  }),
  fakeAgent('worker-3', {
    status: 'held',
    since: at('14:04'),
    reason: 'rate limit, until 14:20',
    costUsd: 0.24,
    contextPercent: 9,
  }),
];
const NEEDS_YOU = [
  { ...fakePermission('worker-1', 'p1', 'npm install --save-dev fast-check'), task: 't4', since: at('14:06') },
  {
    ...fakeQuestion('worker-3', 'q1', 'Prices carry no currency. Which one are they in?'),
    task: 't3',
    since: at('14:05'),
  },
];
const TASKS = [
  fakeTask('t4', 'Test the discounts with random carts', { state: 'running', attempts: [attempt('worker-1')] }),
  fakeTask('t5', 'Find out why checkout is slow', {
    state: 'running',
    priority: 'high',
    attempts: [attempt('worker-2')],
  }),
  fakeTask('t3', 'State the currency', {
    state: 'waiting',
    reason: 'waits for an answer',
    attempts: [attempt('worker-3')],
  }),
  fakeTask('t6', 'Write the release notes', { state: 'waiting', reason: 'waits for t3, t4, t5' }),
  fakeTask('t2', 'Discounts in percent', { state: 'done', attempts: [attempt('worker-2')] }),
  fakeTask('t1', 'Make totals exact to the cent', { state: 'done', attempts: [attempt('worker-3')] }),
];
const EVENTS = [
  { time: '13:59', name: 'task.submitted', task: 't6', data: { title: 'Write the release notes' } },
  { time: '14:00', name: 'turn.started', agent: 'worker-3', task: 't1', data: { attempt: 1 } },
  { time: '14:01', name: 'turn.started', agent: 'worker-2', task: 't2', data: { attempt: 1 } },
  { time: '14:02', name: 'task.verifying', agent: 'worker-3', task: 't1', data: { attempt: 1 } },
  { time: '14:02', name: 'task.done', agent: 'worker-3', task: 't1', data: { attempt: 1 } },
  { time: '14:03', name: 'task.verifying', agent: 'worker-2', task: 't2', data: { attempt: 1 } },
  { time: '14:04', name: 'task.done', agent: 'worker-2', task: 't2', data: { attempt: 1 } },
  { time: '14:04', name: 'agent.status.held', agent: 'worker-3', data: { from: 'working', rule: 'hold' } },
  {
    time: '14:05',
    name: 'agent.restarted',
    agent: 'worker-2',
    task: 't5',
    data: { detail: 'signal SIGKILL', restarts: 1 },
  },
  { time: '14:06', name: 'agent.needs-you', agent: 'worker-1', task: 't4', data: { kind: 'permission' } },
];

describe("README's picture", () => {
  test('is what the dashboard shows', async ({ place }) => {
    const status = fakeStatus(AGENTS, { needsYou: NEEDS_YOU });
    Object.assign(status.tasks, { running: 2, waiting: 2, done: 2 });
    if (status.supervisor.since !== null) status.supervisor.since = at('13:58');
    const supervisor = await place.supervisor(status);
    supervisor.tasks = TASKS;
    const terminal = await place.terminal(['dash'], { ...SIZE, variables: { TZ: 'UTC' } });
    await eventually(() => supervisor.listeners, 'the dashboard listens').toBe(1);
    for (const { time, ...event } of EVENTS) supervisor.emit({ ...event, at: at(time) });
    await terminal.shows('agent.needs-you');
    const svg = screenSvg(await terminal.screen({ colours: true }), SIZE, 'swarm dash');
    await expect(svg, `${PICTURE} is not current: run ${REWRITE}, and look at it`).toMatchFileSnapshot(PICTURE);
  });
});
