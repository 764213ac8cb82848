import { describe, expect, test } from 'vitest';
import { goOn, openTurn, type OpeningDeps, type TurnRequest } from '../../../../src/wrapper/claude/opening.ts';
import { systemClock } from '../../../../src/lib/clock.ts';

const request = (session: TurnRequest['session']): TurnRequest => ({
  prompt: 'the prompt',
  session,
  mark: 'p/a/t/1',
  signal: new AbortController().signal,
  interrupted: () => 'interrupted',
  handoff: (why) => `hand-off (${why})`,
  retry: () => 'retry',
});

const scene = (over: Partial<OpeningDeps> = {}): OpeningDeps => ({
  pane: { alive: false, turn: null },
  clock: systemClock,
  sessionExists: async () => true,
  hasPrompt: async () => false,
  ...over,
});

describe('how a turn begins', () => {
  test('a conversation that can be resumed is resumed with the prompt alone', async () => {
    expect(await openTurn(request('continue'), 's1', scene())).toEqual({
      sessionId: 's1',
      resume: true,
      prompt: 'the prompt',
    });
  });

  test('where the conversation is gone, what was to be said now follows the hand-off', async () => {
    const opening = await openTurn(request({ resume: 's1' }), 's1', scene({ sessionExists: async () => false }));
    expect(opening).toMatchObject({ resume: false, prompt: 'hand-off (its session is gone)\n\nthe prompt' });
    expect(opening.sessionId).not.toBe('s1');
  });

  test('a message to an agent that never spoke is said once', async () => {
    const message = { ...request('continue'), handoff: () => 'the prompt' };
    const opening = await openTurn(message, 's1', scene({ sessionExists: async () => false }));
    expect(opening).toMatchObject({ resume: false, prompt: 'the prompt' });
  });

  test('a transcript that is still being written by a living agent is waited for', async () => {
    let looks = 0;
    const opening = await openTurn(
      request('continue'),
      's1',
      scene({ pane: { alive: true, turn: { state: 'idle' } }, sessionExists: async () => (looks += 1) > 2 }),
    );
    expect(opening.resume).toBe(true);
  });
});

describe('how a turn that was cut short goes on', () => {
  const again = (delivered: boolean, over: Partial<OpeningDeps>) =>
    goOn(request('continue'), delivered, 's1', scene(over), 'go on', 'it died');

  test('an agent that has the prompt is told to go on', async () => {
    expect(await again(true, {})).toMatchObject({ sessionId: 's1', resume: true, prompt: 'go on' });
  });

  test('an agent that never got the prompt gets it now', async () => {
    expect(await again(false, {})).toMatchObject({ resume: true, prompt: 'the prompt' });
  });

  test('a prompt that stands in the transcript already is not said twice', async () => {
    expect(await again(false, { hasPrompt: async () => true })).toMatchObject({ resume: true, prompt: 'go on' });
  });

  test('without its conversation it begins anew and loses nothing that was to be said', async () => {
    const gone = { sessionExists: async () => false };
    expect(await again(true, gone)).toMatchObject({ resume: false, prompt: 'hand-off (it died)' });
    expect(await again(false, gone)).toMatchObject({ resume: false, prompt: 'hand-off (it died)\n\nthe prompt' });
  });
});
