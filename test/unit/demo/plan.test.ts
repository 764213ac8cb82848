import { describe, expect, it } from 'vitest';
import { composeFrame } from '../../../src/cli/demo/tape.ts';
import { dashboardRows, LEAST_ROWS } from '../../../src/cli/demo/screen.ts';
import { LEAST_ROWS as DASHBOARD_ROWS } from '../../../src/dashboard/view.ts';
import { graphLines, type GraphTask } from '../../../src/demo/graph.ts';
import { addArguments, DEMO_TASKS, demoScript, KILLED_TASK } from '../../../src/demo/plan.ts';
import { decide, scriptSchema } from '../../../src/demo/script.ts';

const SOURCES: GraphTask[] = [
  { id: 't1', title: 'Write a', state: 'running', agent: 'worker-2', asks: false },
  { id: 't2', title: 'Write two', state: 'running', agent: 'worker-1', asks: true },
  { id: 't3', title: 'Write c', state: 'done', agent: 'worker-3', asks: false },
];
const SINK: GraphTask = { id: 't4', title: 'Join', state: 'waiting', agent: null, asks: false };

describe('the graph of the plan', () => {
  it('has the sources left, what needs them right, and the state of each', () => {
    expect(graphLines(SOURCES, SINK, (_, text) => text)).toEqual([
      '  t1 Write a    ▶ worker-2      ─┐',
      '  t2 Write two  ? worker-1 asks ─┼─▶ t4 Join  · waiting',
      '  t3 Write c    ✔ done          ─┘',
    ]);
  });

  it('is drawn for one and for two sources as well', () => {
    const lines = (count: number): string[] => graphLines(SOURCES.slice(0, count), SINK, (_, text) => text);
    expect(lines(1)).toEqual(['  t1 Write a  ▶ worker-2 ─▶ t4 Join  · waiting']);
    expect(lines(2)[0]).toMatch(/─┬─▶ t4 Join/);
    expect(lines(2)[1]).toMatch(/─┘$/);
  });
});

describe('the plan', () => {
  const script = scriptSchema.parse(demoScript());
  const answer = (prompt: string, repliesSincePrompt: number): string | null =>
    decide(script, { session: 's', prompt, promptIndex: 0, repliesSincePrompt, cwd: '/w' }, () => 0).rule;

  it('adds each task after those it needs', () => {
    const last = DEMO_TASKS.at(-1);
    expect(last && addArguments(last, 'claude', (name) => `id-${name}`)).toEqual([
      ...['task', 'add', 'Put main.mjs together'],
      ...['--after', 'id-greeting', 'id-farewell', 'id-names'],
    ]);
  });

  it('knows what to do for each task, also when its agent was interrupted or a new conversation takes over', () => {
    for (const { name, title } of DEMO_TASKS) {
      expect(answer(`# Task t7: ${title}\n\n${title}`, 0)).toBe(name);
      expect(answer(`You were interrupted (SIGKILL) while you worked on task t7: ${title}. Look at it.`, 0)).toBe(
        `${name}, interrupted`,
      );
      const again = `# Task t7: ${title}\n\n${title}\n\n## Earlier attempts\n- attempt 1 by worker-1: lost`;
      expect(answer(again, 0)).toBe(`${name}, again`);
      expect(answer(`Another session began this task and ended (x).\n\n# Task t7: ${title}\n\n${title}`, 0)).toBe(
        `${name}, interrupted`,
      );
    }
  });

  it('holds the task whose agent is killed, and only on its first try', () => {
    const holding = script.rules.filter(({ steps }) => steps.some((step) => 'hold' in step && step.hold !== undefined));
    expect(holding.map(({ name }) => name)).toEqual([KILLED_TASK]);
  });
});

describe('the screen', () => {
  it('is divided so that the dashboard has what it needs, on every terminal that is large enough', () => {
    for (let rows = LEAST_ROWS; rows < 120; rows += 1)
      expect(dashboardRows(rows), `${rows} rows`).toBeGreaterThanOrEqual(DASHBOARD_ROWS);
  });

  it('is recorded as a whole: each pane at its place, a line between them', () => {
    const frame = composeFrame(
      [
        { left: 0, top: 0, lines: ['dashboard'] },
        { left: 0, top: 3, lines: ['one', 'two'] },
      ],
      4,
    );
    expect(frame).toBe(
      '\u001B[0m\u001B[2J\u001B[3;1H────\u001B[1;1Hdashboard\u001B[0m\u001B[4;1Hone\u001B[0m\u001B[5;1Htwo\u001B[0m',
    );
  });
});
