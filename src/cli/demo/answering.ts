import type { NeedsYou } from '../../api/agents/schemas.ts';
import { ASKING_TASK } from '../../demo/plan.ts';
import { waitFor } from '../../lib/wait.ts';
import type { PlannedIds } from './graph.ts';
import type { Keys } from './keys.ts';
import type { Stage } from './stage.ts';

const ASK_TIMEOUT_MS = 40_000;
/** How long the person may take for an answer, s; then the demonstration gives it. */
const ANSWER_S = 10;

/**
 * An agent wants to run a command that it is not allowed: the person decides, or the demonstration where there is no
 * person.
 */
export async function answerQuestion(stage: Stage, ids: PlannedIds): Promise<void> {
  if (stage.place.kind === 'shell') {
    await stage.begin('Here Claude Code would ask whether it may run a command; programs ask nothing');
    return;
  }
  await stage.begin('An agent asks before it runs a command; you answer, and it works on');
  const question = await waitFor(() => questionOf(stage, ids.get(ASKING_TASK) ?? ''), {
    timeoutMs: ASK_TIMEOUT_MS,
    signal: stage.signal,
    what: 'an agent to ask',
  });
  stage.line(`${stage.paint('yellow', `${question.agent} asks:`)} ${question.text}`);
  const decision = await decide(stage);
  await stage.show('answer', question.agent, decision);
}

async function questionOf({ client }: Stage, task: string): Promise<NeedsYou | undefined> {
  const { needsYou } = await client.status.show();
  return needsYou.find((item) => item.kind === 'permission' && item.task === task);
}

async function decide(stage: Stage): Promise<'allow' | 'deny'> {
  if (stage.keys !== null) return await decideByKey(stage, stage.keys);
  stage.line('No person is at a terminal to answer, so the demonstration types it:');
  return 'allow';
}

async function decideByKey(stage: Stage, keys: Keys): Promise<'allow' | 'deny'> {
  const deadline = performance.now() + ANSWER_S * 1000;
  for (let left = ANSWER_S; left > 0; left = Math.ceil((deadline - performance.now()) / 1000)) {
    stage.overwrite(stage.paint('yellow', `Press a to allow, d to deny (allowed by itself in ${left} s)`));
    const key = (await keys.next(deadline - performance.now() - (left - 1) * 1000, stage.signal))?.toLowerCase();
    if (key !== 'a' && key !== 'd') continue;
    stage.overwrite('');
    return key === 'a' ? 'allow' : 'deny';
  }
  stage.overwrite('');
  stage.line('No key came, so the demonstration types it:');
  return 'allow';
}
