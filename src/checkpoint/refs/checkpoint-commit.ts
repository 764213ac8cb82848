import { createHash } from 'node:crypto';
import type { RawPath } from '../../git/bytes.ts';
import type { OperationFile } from '../../git/repository/operations.ts';
import type { BaseModes } from '../tree/tree-extras.ts';
import type { CaptureRequest, Checkpoint, CheckpointPlace } from '../tree/types.ts';

/** `state.json` of a checkpoint's meta commit. */
export interface SavedState {
  v: 1;
  head: string | null;
  branch: string | null;
  /** Absent: no task had begun. */
  begunTask?: string;
  base: BaseModes;
  modes: Array<[RawPath, number]>;
  emptyDirs: RawPath[];
  /** Names of the operation files; their contents are `operation/<position>`. */
  operations: string[];
  hasIndex: boolean;
  /**
   * When the index was written, seconds since 1970. Git takes an entry for unchanged by its stat data unless the file
   * is as young as the index. Absent in older checkpoints.
   */
  indexTime?: number;
  /** Files on disk that the checkpoint does not hold; absent where it holds all. */
  leftOut?: RawPath[];
}

export interface StateToSave {
  tree: string;
  saved: SavedState;
  index: Buffer | null;
  /** The blob that holds the index's bytes already, when `index` is null. */
  indexBlob: string | null;
  indexDigest: string;
  operations: OperationFile[];
  stagedBlobs: string[];
  /** Existing commits and trees that only the unfinished operation names. */
  keepCommits: string[];
  keepTrees: string[];
}

export function digestOperations(operations: readonly OperationFile[]): string {
  const hash = createHash('sha256');
  for (const { name, content } of operations) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest('hex');
}

/** Equal for two states that a rollback could not tell apart. */
export function fingerprint(state: Pick<StateToSave, 'tree' | 'saved' | 'indexDigest' | 'operations'>): string {
  const { indexTime: _, ...saved } = state.saved;
  const facts = [state.tree, saved, state.indexDigest, digestOperations(state.operations)];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

export function refPrefix(agent: string): string {
  return `refs/swarm/checkpoints/${agent}/`;
}

/** Prefix of the second ref that a pinned checkpoint has, which retention never removes. */
export function pinPrefix(agent: string): string {
  return `refs/swarm/pins/${agent}/`;
}

export interface NewCheckpoint {
  place: Pick<CheckpointPlace, 'agent'>;
  n: number;
  request: CaptureRequest;
  state: StateToSave;
  fingerprint: string;
  files: number;
  /** Warnings about files that it does not hold, and about some that it does. */
  warnings: readonly string[];
  /** Seconds since 1970. */
  at: number;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

export function checkpointMessage(record: NewCheckpoint): string {
  const { place, n, request, state, files } = record;
  const trailers: Array<[string, string | number | null | undefined]> = [
    ['Swarm-Checkpoint', n],
    ['Swarm-Agent', place.agent],
    ['Swarm-Reason', oneLine(request.reason)],
    ['Swarm-Task', request.task],
    ['Swarm-Attempt', request.attempt],
    ['Swarm-Session', request.sessionId],
    ['Swarm-Transcript', request.transcriptUuid],
    ['Swarm-Head', state.saved.head],
    ['Swarm-Branch', state.saved.branch],
    ['Swarm-Begun', state.saved.begunTask],
    ['Swarm-Files', files],
    ['Swarm-State', record.fingerprint],
    ...record.warnings.map((text): [string, string] => ['Swarm-Warning', text]),
  ];
  const lines = trailers
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([key, value]) => `${key}: ${oneLine(String(value))}`);
  return `checkpoint ${n} of ${place.agent}: ${oneLine(request.reason)}\n\n${lines.join('\n')}\n`;
}

/**
 * The stream for one `git fast-import`, which writes everything in one process: the meta commit, the checkpoint
 * (parents: HEAD, meta) and its ref. Fast-import creates a ref by compare-and-swap, and refuses one that exists with
 * other history. The parents are HEAD and meta, not the checkpoint before: a chain would keep every pruned checkpoint
 * alive.
 */
export function importStream(record: NewCheckpoint): Buffer {
  const { state, n, place, at } = record;
  const ref = `${refPrefix(place.agent)}${n}`;
  const parts: Buffer[] = [];
  const text = (line: string): void => void parts.push(Buffer.from(`${line}\n`, 'utf8'));
  const data = (content: Buffer): void => {
    text(`data ${content.length}`);
    parts.push(content, Buffer.from('\n'));
  };
  const commit = (mark: number, message: string, when: number): void => {
    text(`commit ${ref}`);
    text(`mark :${mark}`);
    text(`committer swarm <swarm@localhost> ${when} +0000`);
    data(Buffer.from(message, 'utf8'));
  };
  // Without number and time: the same state is the same commit, which git stores once.
  commit(1, `state beside checkpoints of ${place.agent}\n`, 0);
  for (const [position, oid] of state.keepCommits.entries()) text(`${position === 0 ? 'from' : 'merge'} ${oid}`);
  text('deleteall');
  const blob = (name: string, content: Buffer): void => {
    text(`M 100644 inline ${name}`);
    data(content);
  };
  blob('state.json', Buffer.from(JSON.stringify(state.saved)));
  if (state.index !== null) blob('index', state.index);
  // The index of twenty thousand files has two million bytes, most often the same as last time.
  else if (state.indexBlob !== null) text(`M 100644 ${state.indexBlob} index`);
  for (const [position, { content }] of state.operations.entries()) blob(`operation/${position}`, content);
  for (const oid of state.stagedBlobs) text(`M 100644 ${oid} staged/${oid}`);
  for (const oid of state.keepTrees) text(`M 040000 ${oid} trees/${oid}`);
  text('');
  commit(2, checkpointMessage(record), at);
  text(`from ${state.saved.head ?? ':1'}`);
  if (state.saved.head !== null) text('merge :1');
  text('deleteall');
  text(`M 040000 ${state.tree} ""`);
  text('');
  text('get-mark :2');
  text('done');
  return Buffer.concat(parts);
}

/** NUL cannot be in any field; contents come last because they hold line breaks. */
export const LIST_FORMAT = '%(refname)%00%(objectname)%00%(tree)%00%(parent)%00%(committerdate:unix)%00%(contents)%00';

/** Checkpoints by agent and number, each agent's oldest first; with `agent` null those of all agents. */
export function parseList(output: string, agent: string | null): Checkpoint[] {
  const fields = output.split('\0');
  const list: Checkpoint[] = [];
  const pinned = new Set<string>();
  for (let at = 0; at + 5 < fields.length; at += 6) {
    const [name = '', commit = '', tree = '', parents = '', seconds = '0', contents = ''] = fields.slice(at, at + 6);
    const ref = name.trimStart();
    const [, kind, owner = '', number = ''] = REF.exec(ref) ?? [];
    if (kind === undefined || (agent !== null && owner !== agent)) continue;
    if (kind === 'pins') pinned.add(`${owner}/${number}`);
    else list.push({ n: Number(number), ref, commit, tree, ...describe(owner, seconds, parents, contents) });
  }
  for (const checkpoint of list) checkpoint.pinned = pinned.has(`${checkpoint.agent}/${checkpoint.n}`);
  return list.sort(byAgentAndNumber);
}

export function byAgentAndNumber(a: Checkpoint, b: Checkpoint): number {
  return a.agent === b.agent ? a.n - b.n : a.agent < b.agent ? -1 : 1;
}

export const REF = /^refs\/swarm\/(checkpoints|pins)\/([^/]+)\/([1-9]\d*)$/;

function describe(
  agent: string,
  seconds: string,
  parents: string,
  contents: string,
): Omit<Checkpoint, 'n' | 'ref' | 'commit' | 'tree'> {
  const lines = [...contents.matchAll(/^Swarm-(\w+): (.*)$/gm)].map(
    ([, key = '', value = '']) => [key, value] as const,
  );
  const trailers = new Map(lines);
  const attempt = trailers.get('Attempt');
  return {
    at: new Date(Number(seconds) * 1000).toISOString(),
    agent,
    reason: trailers.get('Reason') ?? '',
    task: trailers.get('Task') ?? null,
    attempt: attempt === undefined ? null : Number(attempt),
    sessionId: trailers.get('Session') ?? null,
    transcriptUuid: trailers.get('Transcript') ?? null,
    head: trailers.get('Head') ?? null,
    branch: trailers.get('Branch') ?? null,
    begunTask: trailers.get('Begun') ?? null,
    files: Number(trailers.get('Files') ?? 0),
    meta: parents.split(' ').at(-1) ?? '',
    state: trailers.get('State') ?? '',
    pinned: false,
    damaged: false,
    warnings: lines.filter(([key]) => key === 'Warning').map(([, text]) => text),
  };
}
