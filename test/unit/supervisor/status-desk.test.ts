import { expect, test } from 'vitest';
import { StatusDesk, type StatusDeskDeps } from '../../../src/supervisor/status-desk.ts';

function health(degraded: string[], untold: string[]) {
  const rooms = { holds: { degraded: { list: degraded } }, alerting: { untold } };
  return new StatusDesk({ rooms } as unknown as StatusDeskDeps).health();
}

test('health is what is degraded, and which alerts could not be sent', () => {
  expect(health([], [])).toEqual({ ok: true, degraded: [] });
  expect(health(['broker down'], [])).toEqual({ ok: false, degraded: ['broker down'] });
  expect(health([], ['desktop: no such program'])).toEqual({ ok: false, degraded: ['desktop: no such program'] });
});
