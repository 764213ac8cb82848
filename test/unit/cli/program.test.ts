import { describe, expect, it } from 'vitest';
import { buildProgram, run } from '../../../src/cli/program.ts';
import { VERBS } from '../../../src/cli/verbs/index.ts';
import { screen, thrown, world } from './run.ts';

async function usage(...argv: string[]): Promise<{ message: string; hint: string | undefined; exitCode: number }> {
  const { code, message, hint, exitCode } = await thrown(() => run(world(argv, screen())));
  expect(code).toBe('usage');
  return { message, hint, exitCode };
}

describe('a wrong command line', () => {
  it('offers the nearest verb', async () => {
    expect(await usage('statsu')).toEqual({
      message: "unknown command 'statsu'",
      hint: 'Did you mean status?',
      exitCode: 2,
    });
  });

  it('offers the nearest option', async () => {
    expect(await usage('up', '--detatch')).toMatchObject({
      message: "unknown option '--detatch'",
      hint: 'Did you mean --detach?',
    });
  });

  it('names what is missing, too much, or out of range', async () => {
    expect((await usage('attach')).message).toBe("missing required argument 'agent'");
    expect((await usage('status', 'x')).message).toContain('too many arguments');
    expect((await usage('up', '0')).message).toContain('A whole number from 1 to 200 is accepted.');
    expect((await usage('up', 'three')).message).toContain('A whole number from 1 to 200 is accepted.');
    expect((await usage('task', 'add', 'x', '--priority', 'urgent')).message).toContain('critical, high, normal, low');
    expect((await usage('task', 'add', 'x', '--budget', '-1')).message).toContain('US dollars');
    expect((await usage('rollback', 'worker-1', 'zero')).message).toContain('A whole number');
  });

  it('a group of verbs asks which', async () => {
    expect(await usage('broker')).toMatchObject({
      message: 'which broker command?',
      hint: 'There are status, start, stop: `swarm broker --help`.',
    });
    expect((await usage('task', 'wiat')).hint).toBe('Did you mean wait?');
  });

  it('says which help shows how it is used, and where a verb or a title belongs', async () => {
    expect((await usage('attach')).hint).toBe('`swarm attach --help` shows how it is used.');
    expect((await usage('task', 'add', '--wrong-at-all')).hint).toBe('`swarm task add --help` shows how it is used.');
    expect((await usage('xyzzy')).hint).toBe('`swarm --help` shows how it is used.');
    expect((await usage('add', 'x')).hint).toBe('Did you mean `swarm task add`?');
    expect((await usage('task', 'mend the build')).hint).toBe('To give work: `swarm task add "mend the build"`.');
  });

  it('a directory that is not there is named', async () => {
    const error = await thrown(() => run(world(['-C', '/nowhere/at/all', 'status'], screen())));
    expect(error).toMatchObject({ code: 'no-directory', exitCode: 2 });
  });
});

describe('help and version', () => {
  it('nothing typed prints the help on stdout', async () => {
    const seen = screen();
    expect(await run(world([], seen))).toBe(0);
    expect(seen.stdout()).toContain('Usage: swarm');
  });

  it('help is a verb too', async () => {
    const seen = screen();
    expect(await run(world(['help', 'up'], seen))).toBe(0);
    expect(seen.stdout()).toContain('Usage: swarm up');
  });

  it('--version loads no verb', async () => {
    const verbs = VERBS as Record<string, (typeof VERBS)[string]>;
    verbs['unloadable'] = () => Promise.reject(new Error('a verb was loaded'));
    try {
      const seen = screen();
      expect(await run(world(['--version'], seen))).toBe(0);
      await expect(run(world(['--help'], screen()))).rejects.toThrow('a verb was loaded');
    } finally {
      delete verbs['unloadable'];
    }
  });

  it('--version and --help are answers', async () => {
    const seen = screen();
    expect(await run(world(['--version'], seen))).toBe(0);
    expect(seen.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await run(world(['task', 'add', '--help'], seen))).toBe(0);
    expect(seen.stdout()).toContain('--json');
  });
});

it('a verb says the same of itself whether it alone was loaded or all of them', async () => {
  const all = await buildProgram(world([], screen()), () => undefined);
  expect(all.commands.length).toBeGreaterThan(25);
  for (const verb of all.commands) {
    for (const before of [[], ['--json', '-C', '/']]) {
      const seen = screen();
      expect(await run(world([...before, verb.name(), '--help'], seen))).toBe(0);
      expect(seen.stdout()).toBe(verb.helpInformation());
    }
  }
});

describe("inside an agent's environment", () => {
  it.each([['down'], ['rollback', 'worker-1', '1'], ['answer', 'worker-1', 'allow'], ['merge', 't1']])(
    '%s is refused',
    async (...argv) => {
      const error = await thrown(() => run(world(argv, screen(), { SWARM_MARK: 'abc/worker-2/t7/1' })));
      expect(error.code).toBe('inside-agent');
      expect(error.message).toContain('worker-2');
      expect(error.exitCode).toBe(1);
    },
  );
});
