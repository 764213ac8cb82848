import { readFileSync } from 'node:fs';
import { startMessagesApi, type ScriptInput } from '../../support/messages-api.ts';
import { call, complete as completion } from '../../support/model-tools.ts';
import { WrapperPane } from './wrapper-pane.ts';

export { bash, write } from '../../support/model-tools.ts';

/** The process's command line; empty when it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

export const complete = (summary: string) => call(completion(summary));

export async function claudePane(
  amqpUrl: string,
  script: ScriptInput,
  more: Parameters<typeof WrapperPane.open>[0]['spec'] = {},
) {
  const api = await startMessagesApi({ script });
  const pane = await WrapperPane.open({ kind: 'claude', amqpUrl, anthropicBaseUrl: api.url, spec: more });
  return {
    api,
    pane,
    supervisor: pane.supervisor,
    async [Symbol.asyncDispose]() {
      await pane[Symbol.asyncDispose]();
      await api.close();
    },
  };
}

export const say = (tool: string, input: Record<string, unknown>) => ({
  tools: [{ name: `mcp__swarm__${tool}`, input }],
});
export const ALLOW = { allow: ['Bash'] };
