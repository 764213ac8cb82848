/**
 * Shares answers: a question that is asked again within `ms` gets the same answer, also one that is still on its way.
 */
export function sharedFor<Question extends unknown[], Answer>(
  ms: number,
  ask: (...question: Question) => Promise<Answer>,
  now: () => number = () => performance.now(),
): (...question: Question) => Promise<Answer> {
  let last: { key: string; at: number; answer: Promise<Answer> } | null = null;
  return (...question) => {
    const key = JSON.stringify(question);
    if (last === null || last.key !== key || now() - last.at > ms) last = { key, at: now(), answer: ask(...question) };
    return last.answer;
  };
}
