import { open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { Usage } from '../domain/agent.ts';
import { configDir } from './home.ts';
import type { Env } from './home.ts';

const LONGEST_FOLDER_NAME = 200;
const CHUNK_BYTES = 1024 * 1024;
/** One call never holds more of a file than this, except for a single line that is longer. */
const MAX_TAIL_BYTES = 16 * CHUNK_BYTES;

/** Path of the conversation's transcript. Pure: the file need not exist. `cwd` is a real path. */
export function transcriptPath(env: Env, cwd: string, sessionId: string): string {
  return path.join(projectsDir(env), folderName(cwd), `${sessionId}.jsonl`);
}

function projectsDir(env: Env): string {
  return path.join(configDir(env), 'projects');
}

function folderName(cwd: string): string {
  const name = cwd.replaceAll(/[^a-zA-Z0-9]/g, '-');
  if (name.length <= LONGEST_FOLDER_NAME) return name;
  let hash = 0;
  for (let i = 0; i < cwd.length; i += 1) hash = ((hash << 5) - hash + cwd.charCodeAt(i)) | 0;
  return `${name.slice(0, LONGEST_FOLDER_NAME)}-${Math.abs(hash).toString(36)}`;
}

export type TranscriptLine = Record<string, unknown>;

export interface TranscriptTail {
  /** To be passed to the next `readTail`: the end of the last whole line that was read. */
  offset: number;
  /** There are more whole lines: read on at once. */
  more: boolean;
  /** Complete lines that are JSON objects, in order. */
  lines: TranscriptLine[];
  /** Tokens by message id (costUsd is 0: the transcript knows no price). The last value of an id is the right one. */
  usage: Map<string, { usage: Usage; model: string }>;
}

/** Reads whole lines from `offset` on; a file that became shorter is read from its start. Absent file: empty tail. */
export async function readTail(file: string, offset: number): Promise<TranscriptTail> {
  const handle = await openIfThere(file);
  if (handle === null) return { offset: 0, more: false, lines: [], usage: new Map() };
  try {
    const { size } = await handle.stat();
    const from = offset > size ? 0 : offset;
    const bytes = await readLines(handle, from, size);
    const lines = parseLines(bytes);
    return {
      offset: from + bytes.length,
      more: bytes.length > 0 && from + bytes.length < size,
      lines,
      usage: usageOf(lines),
    };
  } finally {
    await handle.close();
  }
}

/** Bytes up to the last line break within the limit, or to the first one where a line is longer than that. */
async function readLines(handle: FileHandle, from: number, size: number): Promise<Buffer> {
  let buffer = Buffer.alloc(0);
  for (let limit = MAX_TAIL_BYTES; ; limit *= 2) {
    const wanted = Math.min(size - from, limit);
    const more = Buffer.alloc(wanted - buffer.length);
    const { bytesRead } = await handle.read(more, 0, more.length, from + buffer.length);
    buffer = Buffer.concat([buffer, more.subarray(0, bytesRead)]);
    const end = buffer.lastIndexOf(0x0a);
    if (end >= 0) return buffer.subarray(0, end + 1);
    // A line that is still being written.
    if (bytesRead < more.length || wanted === size - from) return Buffer.alloc(0);
  }
}

function parseLines(bytes: Buffer): TranscriptLine[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .map(parseLine)
    .filter((line) => line !== null);
}

/** Null for a line cut short by a crash: the lines around it are still good. */
function parseLine(text: string): TranscriptLine | null {
  if (text.trim() === '') return null;
  try {
    const line = JSON.parse(text) as unknown;
    return typeof line === 'object' && line !== null && !Array.isArray(line) ? (line as TranscriptLine) : null;
  } catch {
    return null;
  }
}

const count = z
  .number()
  .nonnegative()
  .nullish()
  .transform((value) => value ?? 0);
const assistantSchema = z.looseObject({
  type: z.literal('assistant'),
  message: z.looseObject({
    id: z.string(),
    model: z.string().default('unknown'),
    usage: z.looseObject({
      input_tokens: count,
      output_tokens: count,
      cache_read_input_tokens: count,
      cache_creation_input_tokens: count,
    }),
  }),
});

/**
 * Tokens by message id. A message has one line per block of content, each with the same usage: counted once, by its id.
 */
export function usageOf(lines: readonly TranscriptLine[]): TranscriptTail['usage'] {
  const found: TranscriptTail['usage'] = new Map();
  for (const line of lines) {
    const parsed = assistantSchema.safeParse(line);
    // Errors of the API are written down as messages of a model that does not exist.
    if (!parsed.success || parsed.data.message.model === '<synthetic>') continue;
    const { id, model, usage } = parsed.data.message;
    found.set(id, {
      model,
      usage: {
        costUsd: 0,
        inputTokens: usage.input_tokens,
        outputTokens: usage.output_tokens,
        cacheReadTokens: usage.cache_read_input_tokens,
        cacheCreationTokens: usage.cache_creation_input_tokens,
      },
    });
  }
  return found;
}

const CONVERSATION = new Set(['user', 'assistant', 'system', 'attachment']);

/** uuid of the last line of the main conversation; null when there is none. Reads from the end. */
export async function lastUuid(file: string): Promise<string | null> {
  const handle = await openIfThere(file);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    for (let span = CHUNK_BYTES; ; span *= 2) {
      const from = Math.max(0, size - span);
      const buffer = Buffer.alloc(size - from);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
      const bytes = buffer.subarray(0, bytesRead);
      // Whole lines only, at both ends.
      const first = from === 0 ? 0 : bytes.indexOf(0x0a) + 1;
      const uuid = parseLines(bytes.subarray(first, bytes.lastIndexOf(0x0a) + 1)).findLast(isConversation)?.['uuid'];
      if (typeof uuid === 'string') return uuid;
      if (from === 0) return null;
    }
  } finally {
    await handle.close();
  }
}

function isConversation(line: TranscriptLine): boolean {
  return CONVERSATION.has(String(line['type'])) && typeof line['uuid'] === 'string' && line['isSidechain'] !== true;
}

/**
 * True when a person stopped the turn (Esc, Ctrl-C) and the conversation has no later message. No hook reports that: to
 * be called when a turn seems to go on without progress.
 */
export function endsInterrupted(lines: readonly TranscriptLine[]): boolean {
  const last = lines.findLast(isSaid);
  return last?.['type'] === 'user' && JSON.stringify(last['message'] ?? '').includes('[Request interrupted by user');
}

/** How much of a transcript's end is read for the last message. */
const NEWEST_BYTES = 1024 * 1024;

/** True when this prompt is the newest message: the agent has it, and has not answered yet. */
export async function endsWithPrompt(file: string, prompt: string): Promise<boolean> {
  const last = (await newestLines(file)).findLast(isSaid);
  return (
    last?.['type'] === 'user' && JSON.stringify(last['message'] ?? '').includes(JSON.stringify(prompt).slice(1, -1))
  );
}

/**
 * True when the end of a turn is written down: Claude Code's own line that closes one, or else the agent's last words
 * with no later message. A Stop hook runs some 10 to 200 ms before that.
 */
export async function endsTurn(file: string, lastWords: string | null): Promise<boolean> {
  const lines = (await newestLines(file)).filter(isConversation);
  const last = lines.findLast(isSaid);
  if (last === undefined) return false;
  if (lines.slice(lines.indexOf(last)).some((line) => line['subtype'] === 'turn_duration')) return true;
  if (last['type'] !== 'assistant' || lastWords === null || lastWords.trim() === '') return false;
  return JSON.stringify(last['message'] ?? '').includes(JSON.stringify(lastWords.trim()).slice(1, -1));
}

function isSaid(line: TranscriptLine): boolean {
  return isConversation(line) && (line['type'] === 'user' || line['type'] === 'assistant');
}

async function newestLines(file: string): Promise<TranscriptLine[]> {
  const handle = await openIfThere(file);
  if (handle === null) return [];
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - NEWEST_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const bytes = buffer.subarray(0, bytesRead);
    const first = from === 0 ? 0 : bytes.indexOf(0x0a) + 1;
    return parseLines(bytes.subarray(first, bytes.lastIndexOf(0x0a) + 1));
  } finally {
    await handle.close();
  }
}

/** Whether a session can be resumed: its transcript must exist and hold at least one message. */
export async function sessionExists(env: Env, cwd: string, sessionId: string): Promise<boolean> {
  return (await findTranscript(env, cwd, sessionId)) !== null;
}

/**
 * The transcript of a session that can be resumed; null when there is none. A conversation stays in the folder of the
 * directory where it began, so all folders are searched where the one of `cwd` has none.
 */
export async function findTranscript(env: Env, cwd: string, sessionId: string): Promise<string | null> {
  const near = transcriptPath(env, cwd, sessionId);
  if (await hasMessage(near)) return near;
  const folders = await readdir(projectsDir(env)).catch(() => [] as string[]);
  for (const folder of folders) {
    const file = path.join(projectsDir(env), folder, `${sessionId}.jsonl`);
    if (file !== near && (await hasMessage(file))) return file;
  }
  return null;
}

async function hasMessage(file: string): Promise<boolean> {
  for (let offset = 0; ;) {
    const tail = await readTail(file, offset);
    if (tail.lines.some((line) => line['type'] === 'user' || line['type'] === 'assistant')) return true;
    if (!tail.more) return false;
    offset = tail.offset;
  }
}

async function openIfThere(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return null;
    throw error;
  }
}
