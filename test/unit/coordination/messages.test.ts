import { expect, test } from 'vitest';
import { decode } from '../../../src/coordination/messages.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const envelope = (over: object): object => ({
  v: 1,
  id: 'a',
  type: 'task.submit',
  from: 'ci',
  at: '2026-01-01T00:00:00Z',
  payload: { title: 'x' },
  ...over,
});

test('a good submit is decoded with its defaults', () => {
  const decoded = decode(bytes(envelope({})), 'task.submit');
  expect(decoded).toMatchObject({ ok: true, message: { payload: { title: 'x', priority: 'normal', after: [] } } });
});

test.each([
  ['bytes that are not JSON', new Uint8Array([0xff, 0xfe]), /not JSON/],
  ['an unknown version', bytes(envelope({ v: 9 })), /v/],
  ['another type', bytes(envelope({ type: 'task.result' })), /task\.result/],
  ['a payload that does not fit', bytes(envelope({ payload: { title: '' } })), /title/],
  ['a program from outside', bytes(envelope({ payload: { title: 'x', command: ['rm'] } })), /command/],
])('%s is refused with the reason', (_name, content, reason) => {
  const decoded = decode(content, 'task.submit');
  expect(decoded.ok).toBe(false);
  if (!decoded.ok) expect(decoded.reason).toMatch(reason);
});
