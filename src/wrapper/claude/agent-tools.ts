import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { ToolHandlers } from '../../claude/index.ts';
import type { ClaudeTask } from './claude-task.ts';
import type { Verdict } from './turn-end.ts';

export interface AgentToolsDeps {
  /** The task that the agent works on; null: none. */
  inHand(): ClaudeTask | null;
  event<N extends WrapperEventName>(name: N, task: string | null, data: EventMap[N]): void;
}

/** Carries out the calls of the agent's own tools (`task_context`, `complete_task`, …). */
export function agentTools(deps: AgentToolsDeps): ToolHandlers {
  /**
   * The task in hand once its first word was said: until then a call comes from the conversation of the task before.
   */
  const begun = (): ClaudeTask | null => {
    const body = deps.inHand();
    return body?.begun === true ? body : null;
  };
  const inHand = (): ClaudeTask => {
    const body = begun();
    if (body === null) throw new Error('There is no task now: a person talks to you directly.');
    return body;
  };
  const say = (verdict: Verdict, reply: string): Promise<string> => {
    inHand().say(verdict);
    return Promise.resolve(reply);
  };
  return {
    task_context: async () => inHand().context(),
    report_progress: async ({ text, percent }) => {
      deps.event('task.progress', begun()?.task ?? null, { text, ...(percent === undefined ? {} : { percent }) });
      return 'Noted.';
    },
    complete_task: ({ summary }) => say({ tool: 'complete_task', summary }, 'Noted. End your turn now.'),
    fail_task: ({ reason }) => say({ tool: 'fail_task', reason }, 'Noted. End your turn now.'),
    ask_person: ({ question, options }) =>
      say(
        { tool: 'ask_person', question, options: options ?? [] },
        'Asked. End your turn now; the answer will be your next prompt.',
      ),
  };
}
