import { describe, expect, test } from 'vitest';
import { decodeLane, encodeLane, lanePrefix, mayTake, reserveLane, type Lane } from '../../../src/scheduler/lane.ts';

const lane = (fields: Partial<Lane> = {}): Lane => ({
  kind: 'claude',
  agent: null,
  needs: [],
  reservedFor: null,
  ...fields,
});
const worker = { agent: 'worker-1', kind: 'claude', capabilities: ['gpu', 'web'] } as const;

describe('the claimers that may take a task', () => {
  test('an agent of its kind', () => {
    expect(mayTake(worker, lane())).toBe(true);
    expect(mayTake(worker, lane({ kind: 'shell' }))).toBe(false);
  });

  test('one that has every capability it needs', () => {
    expect(mayTake(worker, lane({ needs: ['web', 'gpu'] }))).toBe(true);
    expect(mayTake(worker, lane({ needs: ['gpu', 'mac'] }))).toBe(false);
  });

  test('the agent that it names, or is kept for, and no other', () => {
    expect(mayTake(worker, lane({ agent: 'worker-1', reservedFor: 'worker-1' }))).toBe(true);
    expect(mayTake(worker, lane({ agent: 'worker-2' }))).toBe(false);
    expect(mayTake(worker, lane({ reservedFor: 'worker-2' }))).toBe(false);
  });

  test('the order of capabilities makes no difference to the lane', () => {
    expect(encodeLane(lane({ needs: ['b', 'a'] }))).toBe(encodeLane(lane({ needs: ['a', 'b'] })));
  });

  test('a lane is read back as it was, begins with its kind, and can be kept for an agent and given free', () => {
    const odd = lane({ agent: 'we"ird, name', needs: ['a'] });
    const text = encodeLane(odd);
    expect(decodeLane(text)).toEqual(odd);
    expect(text.startsWith(lanePrefix('claude'))).toBe(true);
    expect(decodeLane(reserveLane(text, 'worker-9')).reservedFor).toBe('worker-9');
    expect(reserveLane(reserveLane(text, 'worker-9'), null)).toBe(text);
  });
});
