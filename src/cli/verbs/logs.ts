import { Argument, Option } from 'commander';
import { existsSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { pause, systemClock } from '../../lib/clock.ts';
import { nearest } from '../../lib/nearest.ts';
import type { Context, Project } from '../project/context.ts';
import { prettyLine } from '../say/log-line.ts';
import { openProject } from '../project/project.ts';
import { integer } from '../verb/values.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'print the log of an agent, the supervisor or the broker',
  arguments: [new Argument('<name>', 'an agent, `supervisor` or `broker`')],
  options: [
    new Option('-f, --follow', 'go on with what is written from now on'),
    new Option('-n, --lines <n>', 'how many of the last lines').argParser(integer(0, 1_000_000)).default(100),
  ],
  run: logs,
};

const FOLLOW_INTERVAL_MS = 200;
const CHUNK_BYTES = 256 * 1024;
const SUFFIX = '.jsonl';

async function logs(context: Context, name: string, options: { follow?: boolean; lines: number }): Promise<void> {
  const project = await openProject(context);
  const file = await logFile(project, name);
  const { output } = context;
  const print = (line: string): void => {
    if (output.json) output.stdout.write(`${line.startsWith('{') ? line : JSON.stringify({ msg: line })}\n`);
    else output.stdout.write(`${prettyLine(line, output)}\n`);
  };
  const { lines, size } = await lastLines(file, options.lines);
  for (const line of lines) print(line);
  if (options.follow === true) await follow(file, size, print, context.interrupt.signal);
}

/**
 * Path of the log.
 * @throws SwarmError `no-log`: the agent has not started yet, or the name is unknown, with the nearest
 */
async function logFile({ layout, client }: Project, name: string): Promise<string> {
  if (name === 'broker') {
    const { brokerLogFiles } = await import('../../broker/index.ts');
    const [first] = brokerLogFiles(layout.brokerDir);
    if (first !== undefined) return first;
    throw new SwarmError('no-log', 'the broker has no log yet', { hint: 'It has one after the first `swarm up`.' });
  }
  const file = path.join(layout.logsDir, `${name}${SUFFIX}`);
  if (!name.includes('/') && existsSync(file)) return file;
  const agent = await client.agents.show({ id: name }).catch((error: unknown) => {
    // No agent has that name, or no supervisor can be asked.
    if (error instanceof SwarmError) return null;
    throw error;
  });
  if (agent !== null) {
    const state = `${agent.status}${agent.reason === null ? '' : `: ${agent.reason}`}`;
    throw new SwarmError('no-log', `${name} has no log yet: it has not started (${state})`, {
      hint: '`swarm status` shows how it stands.',
    });
  }
  const names = ['supervisor', 'broker', ...loggedNames(layout.logsDir)];
  const [near] = nearest(name, names);
  const hint =
    near === undefined
      ? `There are logs of: ${[...new Set(names)].join(', ')}.`
      : `Did you mean \`swarm logs ${near}\`?`;
  throw new SwarmError('no-log', `there is no log of ${name}`, { hint, exitCode: 2 });
}

function loggedNames(logsDir: string): string[] {
  if (!existsSync(logsDir)) return [];
  return readdirSync(logsDir)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length));
}

/** Reads the last lines from the end, so that a log of gigabytes costs no more than they do. */
async function lastLines(file: string, count: number): Promise<{ lines: string[]; size: number }> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  let start = size;
  let text = Buffer.alloc(0);
  let breaks = 0;
  while (start > 0 && breaks <= count) {
    const length = Math.min(CHUNK_BYTES, start);
    start -= length;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
    const part = buffer.subarray(0, bytesRead);
    for (const byte of part) if (byte === 10) breaks += 1;
    text = Buffer.concat([part, text]);
  }
  const end = text.lastIndexOf(10) + 1;
  const lines = text.toString('utf8', 0, end).split('\n').slice(0, -1);
  // A line that is still being written is left to `follow`.
  return { lines: count === 0 ? [] : lines.slice(-count), size: size - (text.length - end) };
}

/** Prints new lines until the signal. A file that was replaced or cut is read anew from its beginning. */
async function follow(file: string, from: number, print: (line: string) => void, signal: AbortSignal): Promise<void> {
  let position = from;
  let inode: number | null = null;
  while (!signal.aborted) {
    if (existsSync(file)) {
      await using handle = await open(file, 'r');
      const { size, ino } = await handle.stat();
      if ((inode !== null && ino !== inode) || size < position) position = 0;
      inode = ino;
      while (position < size) {
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(Math.min(CHUNK_BYTES, size - position)),
          0,
          undefined,
          position,
        );
        const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
        if (end === 0 && bytesRead < CHUNK_BYTES) break;
        const taken = end === 0 ? bytesRead : end;
        for (const line of buffer.toString('utf8', 0, taken).split('\n')) if (line !== '') print(line);
        position += taken;
      }
    }
    await pause(systemClock, FOLLOW_INTERVAL_MS, signal);
  }
}
