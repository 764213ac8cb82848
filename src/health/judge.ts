import { evidenceOf } from './evidence.ts';
import type { HealthFacts, Judgement } from './facts.ts';
import { RULES } from './rules.ts';

/** Judges facts: the first rule that has something to say decides the status. Pure. */
export function judge(facts: HealthFacts, now: number): Judgement {
  for (const { name, status, when } of RULES) {
    const verdict = when(facts, now);
    if (verdict === null) continue;
    return {
      status,
      reason: verdict.reason,
      rule: name,
      // Computed when it is read: every agent is judged once a second, and its evidence is hardly ever read.
      get evidence() {
        return evidenceOf(facts, now);
      },
      until: verdict.until ?? null,
      trouble: verdict.trouble ?? null,
    };
  }
  throw new Error('the last rule says something about everything');
}
