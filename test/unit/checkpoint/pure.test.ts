import { describe, expect, it } from 'vitest';
import { blobsNamed, commitsOf } from '../../../src/checkpoint/tree/git-state.ts';
import { judgeGcPid } from '../../../src/checkpoint/capture/gc-pid.ts';
import { packedOid } from '../../../src/checkpoint/tree/head.ts';
import {
  checkpointMessage,
  fingerprint,
  importStream,
  parseList,
} from '../../../src/checkpoint/refs/checkpoint-commit.ts';
import type { NewCheckpoint } from '../../../src/checkpoint/refs/checkpoint-commit.ts';
import { parseBatch } from '../../../src/git/batch.ts';
import { baseModes, parentsOf, parseListing } from '../../../src/checkpoint/tree/tree-extras.ts';

const a = 'a'.repeat(40);
const b = 'b'.repeat(40);

function aRecord(change: Partial<NewCheckpoint['state']> = {}): NewCheckpoint {
  return {
    place: { agent: 'w1' },
    n: 3,
    request: { reason: 'turn end', task: 't1', attempt: 1, sessionId: 's', transcriptUuid: null },
    state: {
      tree: a,
      saved: {
        v: 1,
        head: b,
        branch: 'swarm/task/t1',
        begunTask: 't1',
        base: baseModes(0o022),
        modes: [],
        emptyDirs: [],
        operations: [],
        hasIndex: true,
      },
      index: Buffer.from('DIRC\0\0'),
      indexBlob: null,
      indexDigest: 'd',
      operations: [],
      stagedBlobs: [],
      keepCommits: [],
      keepTrees: [],
      ...change,
    },
    fingerprint: 'f',
    files: 4,
    warnings: ['left out: big.bin (2GiB)'],
    at: 1_700_000_000,
  };
}

describe('A checkpoint as a commit', () => {
  it('says in trailers what its list says again', () => {
    const message = checkpointMessage(aRecord());
    const output = [`refs/swarm/checkpoints/w1/3`, a, b, `${b} ${a}`, '1700000000', message].join('\0') + '\0\n';
    expect(parseList(output, 'w1')).toEqual([
      {
        n: 3,
        ref: 'refs/swarm/checkpoints/w1/3',
        commit: a,
        tree: b,
        at: '2023-11-14T22:13:20.000Z',
        agent: 'w1',
        reason: 'turn end',
        task: 't1',
        attempt: 1,
        sessionId: 's',
        transcriptUuid: null,
        head: b,
        branch: 'swarm/task/t1',
        begunTask: 't1',
        files: 4,
        meta: a,
        state: 'f',
        pinned: false,
        damaged: false,
        warnings: ['left out: big.bin (2GiB)'],
      },
    ]);
  });

  it('orders by number, and passes over refs that are no checkpoints', () => {
    const one = (n: string): string => [`\nrefs/swarm/checkpoints/w1/${n}`, a, b, a, '1', 'x'].join('\0') + '\0';
    expect(parseList(`${one('10')}${one('2')}${one('other')}`, 'w1').map(({ n }) => n)).toEqual([2, 10]);
    expect(parseList('', 'w1')).toEqual([]);
  });

  it('has HEAD and its meta commit as parents, or the meta commit alone before the first commit', () => {
    const text = importStream(aRecord()).toString('latin1');
    expect(text).toContain(`from ${b}\nmerge :1\n`);
    const record = aRecord();
    record.state.saved.head = null;
    expect(importStream(record).toString('latin1')).toContain('from :1\ndeleteall');
  });

  it('keeps what only an index or an operation names', () => {
    const text = importStream(
      aRecord({
        stagedBlobs: [a],
        keepCommits: [a, b],
        keepTrees: [b],
        operations: [{ name: 'MERGE_HEAD', content: Buffer.from(a) }],
      }),
    ).toString('latin1');
    expect(text).toContain(`from ${a}\nmerge ${b}\n`);
    expect(text).toContain(`M 100644 ${a} staged/${a}`);
    expect(text).toContain(`M 040000 ${b} trees/${b}`);
    expect(text).toContain(`operation/0\ndata 40\n${a}`);
  });

  it('has one fingerprint for one state', () => {
    const base = fingerprint(aRecord().state);
    expect(fingerprint(aRecord().state)).toBe(base);
    expect(fingerprint(aRecord({ tree: b }).state)).not.toBe(base);
    expect(fingerprint(aRecord({ indexDigest: 'e' }).state)).not.toBe(base);
    expect(fingerprint(aRecord({ operations: [{ name: 'MERGE_MSG', content: Buffer.from('m') }] }).state)).not.toBe(
      base,
    );
    // The bytes of an index hold cached times, which do not count.
    expect(fingerprint(aRecord({ index: Buffer.from('other') }).state)).toBe(base);
  });
});

describe('What is read for a checkpoint', () => {
  it('takes blobs from raw differences and from stages, but no gitlinks and no deletions', () => {
    expect(
      blobsNamed([
        `:100644 100644 ${b} ${a} M`,
        'file',
        `:100644 000000 ${b} ${'0'.repeat(40)} D`,
        'gone',
        `:000000 160000 ${a} ${b} A`,
        `100644 ${b} 2\tx`,
        `160000 ${a} 0\tsub`,
      ]),
    ).toEqual([a, b]);
  });

  it('finds the commits of an operation', () => {
    const file = (name: string, content: string): { name: string; content: Buffer } => ({
      name,
      content: Buffer.from(content),
    });
    expect(
      commitsOf([
        file('MERGE_HEAD', `${a}\n${b}\n`),
        file('MERGE_MSG', b),
        file('rebase-merge/onto', `${a}\n`),
        file('AUTO_MERGE', 'c'.repeat(40)),
      ]),
    ).toEqual([a, b]);
  });

  it('finds a packed ref by its whole name', () => {
    const packed = `# pack-refs with: peeled\n${a} refs/heads/xmain\n${b} refs/heads/main\n^${a}\n`;
    expect(packedOid(packed, 'refs/heads/main')).toBe(b);
    expect(packedOid(packed, 'main')).toBeNull();
    expect(packedOid('', 'refs/heads/main')).toBeNull();
  });

  it('tells captured files from directories without any', () => {
    expect(parseListing(Buffer.from('H a b\0? empty/\0? left.txt\0'))).toEqual({
      files: ['a b'],
      bareDirs: ['empty/'],
    });
    expect(parentsOf(['a/b/c', 'a/d', 'e', 'f/g'])).toEqual(['a', 'a/b', 'f']);
  });

  it('takes blobs out of a batch by their sizes', () => {
    expect(parseBatch(Buffer.from(`${a} blob 3\nx\ny\n${a}:no missing\n${b} blob 0\n\n`), 3)).toEqual([
      { oid: a, bytes: Buffer.from('x\ny') },
      null,
      { oid: b, bytes: Buffer.alloc(0) },
    ]);
    expect(parseBatch(Buffer.from(`${a} blob 3\nxyz\n${b} blob 9\nend`), 3)).toHaveLength(1);
  });
});

describe('What gc.pid says', () => {
  const hour = 3_600_000;
  const here = { host: 'here', uptimeMs: 100 * hour, isRunning: (pid: number) => pid === 7 };
  it.each([
    ['of a living process', '7 here\n', hour, here, 'running'],
    ['of one that is gone', '8 here\n', hour, here, 'no'],
    ['of one half a day ago', '7 here\n', 13 * hour, here, 'no'],
    ['of one before this boot', '7 here\n', 2 * hour, { ...here, uptimeMs: hour }, 'no'],
    ['of another machine', '7 there\n', hour, here, 'elsewhere'],
    ['of another machine half a day ago', '7 there\n', 13 * hour, here, 'no'],
    ['while it is being written', '', 0, here, 'elsewhere'],
  ] as const)('%s', (_, text, ageMs, now, judged) => {
    expect(judgeGcPid({ text, ageMs }, now)).toBe(judged);
  });
});
