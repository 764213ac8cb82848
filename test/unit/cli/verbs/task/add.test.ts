import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NewTask } from '../../../../../src/api/tasks/schemas.ts';

const sent: NewTask[] = [];
let cli: typeof import('../../../../../src/cli/program.ts') & typeof import('../../run.ts');

// Test files share their modules: a stand-in must not depend on which of them was loaded first, nor stay for the next.
beforeAll(async () => {
  vi.resetModules();
  vi.doMock(import('../../../../../src/cli/project/project.ts'), async (original) => ({
    ...(await original()),
    openProject: (async () => ({
      client: {
        tasks: {
          add: async (task: NewTask) => {
            sent.push(task);
            return { id: 't1', existing: false };
          },
        },
      },
    })) as never,
  }));
  cli = { ...(await import('../../../../../src/cli/program.ts')), ...(await import('../../run.ts')) };
});

afterAll(() => {
  vi.doUnmock('../../../../../src/cli/project/project.ts');
  vi.resetModules();
});

beforeEach(() => void sent.splice(0));

/** The task that `swarm task add …` sends. */
async function added(...argv: string[]): Promise<NewTask | undefined> {
  expect(await cli.run(cli.world(['task', 'add', ...argv], cli.screen()))).toBe(0);
  return sent.pop();
}

async function refused(...argv: string[]): Promise<string> {
  const { code, message } = await cli.thrown(() => cli.run(cli.world(argv, cli.screen())));
  expect(code).toBe('usage');
  expect(sent).toEqual([]);
  return message;
}

describe('the program of a shell task', () => {
  it.each([
    ['--', ['x', '--', 'sh', '-c', 'exit 0']],
    ['--command', ['x', '--command', 'sh', '-c', 'exit 0']],
    ['both', ['x', '--command', '--', 'sh', '-c', 'exit 0']],
    ['--command=', ['x', '--command=sh', '-c', 'exit 0']],
  ])('is what follows %s, with its options', async (_, argv) => {
    expect(await added(...argv)).toEqual({ title: 'x', command: ['sh', '-c', 'exit 0'] });
  });

  it('keeps every word to the end, also what swarm has a meaning for', async () => {
    const argv = ['npm', '-C', 'web', 'test', '--', '--json', '--timeout', '9', '--command', '-', '-V', '--help'];
    expect(await added('x', '--command', ...argv)).toEqual({ title: 'x', command: argv });
    expect(await added('x', '--', ...argv)).toEqual({ title: 'x', command: argv });
    expect(await added('x', '--', 'env', '--', 'sh')).toEqual({ title: 'x', command: ['env', '--', 'sh'] });
  });

  it('leaves options before it to swarm, and a title may be called like it', async () => {
    const rest = { timeoutMs: 300_000, retries: 0, command: ['make', '-j4'] };
    expect(await added('x', '--timeout', '5m', '--retries', '0', '--command', 'make', '-j4')).toEqual({
      title: 'x',
      ...rest,
    });
    expect(await added('--', '--command is odd')).toEqual({ title: '--command is odd' });
  });

  it('is refused where it or the title is missing, and where no program can be given', async () => {
    expect(await refused('task', 'add', 'x', '--command')).toBe("option '--command <argv...>' argument missing");
    expect(await refused('task', 'add', 'x', '--command', '--')).toBe("option '--command <argv...>' argument missing");
    expect(await refused('task', 'add', '--command', 'make', 'x')).toBe("missing required argument 'title'");
    expect(await refused('task', 'add', 'a', 'b', '--command', 'make')).toContain('one word too many');
    expect(await refused('send', 'add', 'task', '--command', 'make')).toBe("unknown option '--command'");
  });
});
