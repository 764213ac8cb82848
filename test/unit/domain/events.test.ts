import { describe, expect, it } from 'vitest';
import { documentJsonSchema } from '../../../src/api/document-schemas.ts';
import { entryOf, EVENT_FAMILIES, EVENTS, isEvent, wrapperMisfit } from '../../../src/domain/events.ts';
import { misfit } from '../../../src/domain/event-fields.ts';

interface Rule {
  if: { properties: { name: { enum: string[] } } };
  then: { properties: { data: { properties: Record<string, unknown>; required?: string[] } } };
}

describe('the catalogue of events', () => {
  it('knows single names and those of a family, each with its own tone', () => {
    expect(entryOf('agent.died')).toMatchObject({ tone: 'bad', data: { detail: 'text' } });
    expect(entryOf('agent.status.stuck')).toMatchObject({ tone: 'bad' });
    expect(entryOf('agent.status.idle')).toMatchObject({ tone: 'good' });
    expect(entryOf('agent.ladder.reset')).toMatchObject({ tone: 'good' });
    for (const name of ['agent.status.asleep', 'agent.status', 'toString', 'broker.'])
      expect(entryOf(name), name).toBeNull();
  });

  it('says of each in a sentence when it happens', () => {
    for (const { says } of [...Object.values(EVENTS), ...Object.values(EVENT_FAMILIES)]) expect(says).toMatch(/\.$/);
  });

  it('has no single name that a family has too', () => {
    const families = Object.entries(EVENT_FAMILIES).flatMap(([prefix, { words }]) =>
      words.map((word) => `${prefix}.${word}`),
    );
    expect(families.filter((name) => name in EVENTS)).toEqual([]);
  });

  it('is published as a schema: the data of each name, and room for names and fields to come', () => {
    const schema = documentJsonSchema('event') as { allOf: Rule[]; properties: { name: { anyOf: unknown[] } } };
    const ruleOf = (name: string) => schema.allOf.find((rule) => rule.if.properties.name.enum.includes(name))?.then;
    expect(ruleOf('agent.answered')?.properties.data).toEqual({
      type: 'object',
      properties: {
        id: { type: 'string' },
        kind: { enum: ['permission', 'question', 'trust', 'login', 'settings'] },
        decision: { enum: ['allow', 'deny', 'text'] },
        by: { type: 'string' },
      },
      required: ['id', 'kind', 'decision'],
    });
    expect(ruleOf('task.done')?.properties.data.properties['commit']).toEqual({ type: ['string', 'null'] });
    expect(ruleOf('agent.status.held')?.properties.data.required).toEqual(['from', 'reason', 'rule']);
    expect(schema.properties.name.anyOf).toContainEqual(expect.objectContaining({ type: 'string' }));
    expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false');
  });
});

describe('the data of an event', () => {
  const fields = {
    text: 'text',
    maybe: 'number | null?',
    at: 'time',
    word: ['a', 'b'],
    list: 'texts',
    inner: { branch: 'text | null' },
  } as const;
  const good = { text: '', at: '2030-01-01T00:00:00Z', word: 'a', list: [], inner: { branch: null } };

  it('fits with what may be absent or null, and with fields of a later version', () => {
    for (const data of [good, { ...good, maybe: null }, { ...good, maybe: 1, more: {} }])
      expect(misfit(fields, data)).toBeNull();
  });

  it.each([
    [{ text: undefined }, 'it has no text'],
    [{ text: 1 }, 'its text is not text'],
    [{ text: null }, 'its text is not text'],
    [{ maybe: '1' }, 'its maybe is not number or null'],
    [{ at: 'noon' }, 'its at is not time'],
    [{ word: 'c' }, 'its word is not one of a, b'],
    [{ list: ['x', 2] }, 'its list is not list of texts'],
    [{ inner: {} }, 'its inner is not an object with branch'],
    [{ inner: [] }, 'its inner is not an object with branch'],
  ])('%o is told: %s', (change, why) => {
    expect(misfit(fields, { ...good, ...change })).toBe(why);
  });

  it('is read by name only where it fits', () => {
    expect(isEvent({ name: 'message.delivered', data: { id: 'm1' } }, 'message.delivered')).toBe(true);
    expect(isEvent({ name: 'message.delivered', data: {} }, 'message.delivered')).toBe(false);
    expect(isEvent({ name: 'message.queued', data: { id: 'm1' } }, 'message.delivered')).toBe(false);
  });
});

describe('what a wrapper may tell', () => {
  it('is what the catalogue has of wrappers, and what a later one may know', () => {
    expect(wrapperMisfit('turn.started', { attempt: 1 })).toBeNull();
    expect(wrapperMisfit('turn.started', { attempt: 1, model: 'new' })).toBeNull();
    expect(wrapperMisfit('turn.stalled', { anything: [] })).toBeNull();
  });

  it.each([
    ['turn.started', {}, 'it has no attempt'],
    ['swarm.down', {}, 'only the supervisor says that'],
    ['agent.status.idle', { from: 'stuck', reason: '', rule: '' }, 'only the supervisor says that'],
    ['agent.status.asleep', {}, 'only the supervisor says that'],
    ['A\u001B[31m', {}, 'that is no name of an event'],
    [`a.${'b'.repeat(80)}`, {}, 'that is no name of an event'],
  ])('is not %s with %o: %s', (name, data, why) => {
    expect(wrapperMisfit(name, data)).toBe(why);
  });
});
