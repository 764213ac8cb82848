import { expect, test } from 'vitest';
import { parseTcpEnds } from '../../../../src/process/received.ts';
import { receivedBy, streams } from '../../../../src/supervisor/watch/answer-stream.ts';

const SS = `0      0      127.0.0.1:28078 127.0.0.1:48220 ino:101 sk:1 cgroup:/ <->
	 ts sack bbr bytes_sent:31087 bytes_acked:30270 bytes_received:93957 segs_out:453
0      0          [::1]:5555     [::1]:28079 users:(("claude",pid=7,fd=4)) uid:1000 ino:102 sk:75 <->
	 ts sack bbr bytes_sent:12
0      0      10.0.0.2:40000 160.79.104.10:443 ino:103 sk:9
	 cubic bytes_received:858
0      0      127.0.0.1:1 127.0.0.1:2 sk:9
`;

test('each connection has an owner and a number of received bytes', () => {
  expect(parseTcpEnds(SS)).toEqual([
    { inode: 101, localPort: 28_078, peerPort: 48_220, received: 93_957 },
    { inode: 102, localPort: 5_555, peerPort: 28_079, received: 0 },
    { inode: 103, localPort: 40_000, peerPort: 443, received: 858 },
  ]);
  expect(parseTcpEnds('')).toEqual([]);
});

test('what the wrapper answers is no answer of the API', () => {
  const ends = [
    { inode: 1, localPort: 40_000, peerPort: 443, received: 858 },
    { inode: 2, localPort: 40_001, peerPort: 7_000, received: 175 },
    { inode: 3, localPort: 7_000, peerPort: 40_001, received: 9_000 },
    { inode: 4, localPort: 40_002, peerPort: 443, received: 5 },
  ];
  expect([...receivedBy(ends, new Set([1, 2]), new Set([3]))]).toEqual([[1, 858]]);
});

test.each<[string, [number, number][], [number, number][], boolean]>([
  ['words come in', [[1, 858]], [[1, 12_858]], true],
  ['only pings do', [[1, 858]], [[1, 1_158]], false],
  ['nothing does', [[1, 858]], [[1, 858]], false],
  ['another connection was opened', [[1, 858]], [[2, 12_858]], false],
])('an answer comes in where %s', (_title, before, after, expected) => {
  expect(streams(new Map(before), new Map(after), 100)).toBe(expected);
});
