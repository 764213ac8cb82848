import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { lastUuid } from './transcript.ts';

export interface CutRequest {
  /** Transcript of the conversation, which stays as it is. */
  file: string;
  /** uuid of the last line that the new conversation has. */
  uuid: string;
  /** A UUID; `claude --resume` knows the new conversation by it. */
  sessionId: string;
}

export type Cut = { verified: true; file: string } | { verified: false; why: string };

/**
 * Writes the beginning of a conversation, up to and with one line, as a conversation of its own beside it. A repeated
 * call writes the same. `verified: false`: nothing was written, because the new one would differ from the beginning of
 * the old.
 */
export async function cutTranscript({ file, uuid, sessionId }: CutRequest): Promise<Cut> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return { verified: false, why: 'its transcript is gone' };
  const begun = beginningOf(text, uuid);
  if (begun === null) return { verified: false, why: 'its transcript does not hold that point any more' };
  const broken = brokenLink(begun, uuid);
  if (broken !== null) return { verified: false, why: `a line of its transcript is missing (${broken})` };
  const target = path.join(path.dirname(file), `${sessionId}.jsonl`);
  const lines = begun.map((line) => JSON.stringify('sessionId' in line ? { ...line, sessionId } : line));
  await writeFileAtomic(target, `${lines.join('\n')}\n`);
  if ((await lastUuid(target)) === uuid) return { verified: true, file: target };
  await rm(target, { force: true });
  return { verified: false, why: 'its transcript does not end at that point' };
}

type Line = Record<string, unknown>;

/**
 * The lines up to and with that of the uuid; null: no line has it. A line cut short by a crash is left out, as Claude
 * Code itself does.
 */
function beginningOf(text: string, uuid: string): Line[] | null {
  const lines: Line[] = [];
  for (const line of text.split('\n')) {
    const parsed = parse(line);
    if (parsed === null) continue;
    lines.push(parsed);
    if (parsed['uuid'] === uuid) return lines;
  }
  return null;
}

function parse(text: string): Line | null {
  try {
    const line = JSON.parse(text) as unknown;
    return typeof line === 'object' && line !== null && !Array.isArray(line) ? (line as Line) : null;
  } catch {
    return null;
  }
}

/** The first name of a predecessor that leads nowhere, or null when each message's predecessor is there. */
function brokenLink(lines: readonly Line[], uuid: string): string | null {
  const parents = new Map<string, string | null>();
  for (const { uuid: own, parentUuid } of lines) {
    if (typeof own === 'string') parents.set(own, typeof parentUuid === 'string' ? parentUuid : null);
  }
  const seen = new Set<string>();
  for (let at: string | null = uuid; at !== null;) {
    const parent: string | null | undefined = parents.get(at);
    if (parent === undefined || seen.has(at)) return at;
    seen.add(at);
    at = parent;
  }
  return null;
}
