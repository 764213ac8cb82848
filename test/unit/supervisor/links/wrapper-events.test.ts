import { expect, test } from 'vitest';
import { EventLog } from '../../../../src/supervisor/project/event-log.ts';
import { WrapperEvents, type WrapperEvent } from '../../../../src/supervisor/links/wrapper-events.ts';
import { Store } from '../../../../src/store/store.ts';
import { silentLog } from '../kit.ts';

const AT = '2030-01-01T00:00:00.000Z';

/** The events in the log after these reports of a wrapper. */
async function taken(...told: Partial<WrapperEvent>[]) {
  const store = Store.memory();
  const events = new EventLog(store.events, (error) => {
    throw error;
  });
  const door = new WrapperEvents({ events, log: silentLog });
  for (const event of told)
    door.take('worker-1', { type: 'event', name: 'turn.started', at: AT, task: 't1', data: { attempt: 1 }, ...event });
  await events.drain();
  return events.past.after(0, 10).map(({ name, agent, task, at, data }) => ({ name, agent, task, at, data }));
}

const about = { agent: 'worker-1', task: 't1' };

test('what fits is in the log as it was told, at the time at which it happened', async () => {
  expect(await taken({})).toEqual([{ name: 'turn.started', ...about, at: AT, data: { attempt: 1 } }]);
});

test('a wrapper of a later version tells more, and nothing of it is lost', async () => {
  const [more, unknown] = await taken({ data: { attempt: 1, model: 'm' } }, { name: 'turn.stalled', data: { ms: 3 } });
  expect(more).toMatchObject({ name: 'turn.started', data: { attempt: 1, model: 'm' } });
  expect(unknown).toMatchObject({ name: 'turn.stalled', at: AT, data: { ms: 3 } });
});

test('what does not fit is kept under a name that promises nothing, with the reason', async () => {
  const odd = await taken(
    { data: { attempt: 'one' } },
    { name: 'agent.status.stuck', data: { from: 'idle', reason: '', rule: '' } },
    { at: 'noon' },
  );
  expect(odd.map(({ name }) => name)).toEqual(Array.from({ length: 3 }, () => 'agent.odd-event'));
  expect(odd[0]).toMatchObject({
    ...about,
    data: { name: 'turn.started', why: 'its attempt is not number', data: { attempt: 'one' } },
  });
  expect(odd[1]?.data).toMatchObject({ name: 'agent.status.stuck', why: 'only the supervisor says that' });
  expect(odd[2]?.data).toMatchObject({ why: 'its time is none' });
  expect(Date.parse(odd[2]?.at ?? '')).not.toBeNaN();
});
