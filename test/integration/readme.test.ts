import { execa } from 'execa';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { CommanderError, type Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { Interrupt } from '../../src/cli/project/interrupt.ts';
import { Output } from '../../src/cli/say/output.ts';
import { configSchema } from '../../src/config/schema.ts';
import { knownKeys } from '../../src/yaml/issue-words.ts';
import { parseConfig } from '../../src/config/load.ts';
import { decode } from '../../src/coordination/messages.ts';
import { repositoryRoot } from '../support/environment.ts';

/** Most lines of the part that is written by hand. */
const LONGEST = 300;
const readme = readFileSync(path.join(repositoryRoot, 'README.md'), 'utf8');

/** Contents of the fenced blocks of these languages. */
function blocks(...languages: string[]): string[] {
  const fences = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
  return fences.filter(([, language = '']) => languages.includes(language)).map(([, , content = '']) => content);
}

const prose = readme.replaceAll(/^```\w*\n[\s\S]*?^```$/gm, '');

/** Lines to type: in blocks, after `$ ` in those that show output. */
function typedLines(): string[] {
  const shown = blocks('console').flatMap((block) => block.split('\n').filter((line) => line.startsWith('$ ')));
  return [...blocks('sh').flatMap((block) => block.split('\n')), ...shown];
}

function inlineCode(): string[] {
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** The command of swarm in each line that has one, however it is called there. */
function commandsIn(lines: string[]): string[] {
  return lines.flatMap((line) => {
    const found = /(?:^|\$ |&& )((?:\S*scripts\/)?swarm(?: .*)?)$/.exec(line.replace(/\s+#.*$/, '').trim());
    return found?.[1] === undefined ? [] : [found[1]];
  });
}

/** The words of a command line, without the quotes around them. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

async function programThatOnlyParses(): Promise<Command> {
  const stdout = new PassThrough() as unknown as NodeJS.WriteStream;
  const output = new Output({ stdout, stderr: stdout, json: false, debug: false, command: 'swarm' });
  const world = { output, interrupt: new Interrupt(), env: {}, cwd: '/', stdin: process.stdin, argv: [] };
  const program = await buildProgram(world, () => undefined);
  const disarm = (command: Command): void => {
    if (command.commands.length === 0 || command.registeredArguments.length > 0) command.action(() => undefined);
    command.commands.forEach(disarm);
  };
  program.commands.forEach(disarm);
  return program;
}

/** Why the program refuses this command line; null when it does not. */
async function refusal(line: string): Promise<string | null> {
  try {
    await (await programThatOnlyParses()).parseAsync(words(line).slice(1), { from: 'user' });
    return null;
  } catch (error) {
    if (error instanceof CommanderError) return error.code;
    throw error;
  }
}

/** Anchors as GitHub makes them of headings. */
function anchors(): string[] {
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
  return headings.map((text) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

describe('what README.md says', () => {
  it('of the verbs, the events and the keys of swarm.yaml is what the program says', async () => {
    const script = path.join(repositoryRoot, 'scripts/readme.mjs');
    const { exitCode, stderr } = await execa(process.execPath, [script, '--check'], { reject: false });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('names every verb and every key', async () => {
    const verbs = (await programThatOnlyParses()).commands.filter((command) => !command.name().startsWith('__'));
    for (const verb of verbs) expect(readme).toMatch(new RegExp(`\`${verb.name()}\\b`));
    const roots = knownKeys(configSchema, []).filter((key) => key !== 'checkpoints');
    for (const key of roots) expect(readme).toMatch(new RegExp(`\\| \`${key}[.\`]`));
    for (const key of knownKeys(configSchema, ['agents', 'worker']))
      expect(readme).toMatch(new RegExp(`\\| \`agents\\.<role>\\.${key}[.\`]`));
  });

  it('to type is understood by the program', async () => {
    const [typed, mentioned] = [commandsIn(typedLines()), commandsIn(inlineCode())];
    expect(typed.length).toBeGreaterThan(10);
    expect(mentioned.length).toBeGreaterThan(10);
    for (const line of typed) expect(await refusal(line), line).toBeNull();
    // In the middle of a sentence a verb may stand without its arguments.
    for (const line of mentioned) expect([null, 'commander.missingArgument'], line).toContain(await refusal(line));
  });

  it('to run from the checkout is there', () => {
    for (const [, file = ''] of readme.matchAll(/(?<![\w/])(scripts\/[\w.-]+)/g))
      expect(existsSync(path.join(repositoryRoot, file)), file).toBe(true);
  });

  it('as an example of swarm.yaml is accepted', () => {
    const inline = inlineCode().filter((code) => /^(agents|broker): \{/.test(code));
    expect(inline.length).toBeGreaterThan(0);
    for (const yaml of [...blocks('yaml'), ...inline]) expect(() => parseConfig(yaml, 'README.md'), yaml).not.toThrow();
  });

  it('to publish is taken as a task', () => {
    const [envelope, ...others] = blocks('json');
    expect(others).toEqual([]);
    expect(decode(Buffer.from(envelope ?? ''), 'task.submit')).toMatchObject({ ok: true });
  });

  it('as a link leads somewhere', () => {
    const targets = [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    for (const target of targets.filter((one) => !one.startsWith('https://'))) {
      if (target.startsWith('#')) expect(anchors()).toContain(target.slice(1));
      else expect(existsSync(path.join(repositoryRoot, target)), target).toBe(true);
    }
  });

  it(`can be read in one go: at most ${LONGEST} lines, besides the tables that are made of the program`, () => {
    const written = readme.replaceAll(/<!-- (\w+): written by [\s\S]*?<!-- \/\1 -->/g, '');
    expect(written).not.toContain('| `agents.<role>.count`');
    expect(written.split('\n').length).toBeLessThanOrEqual(LONGEST);
  });
});
