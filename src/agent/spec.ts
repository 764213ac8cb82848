import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { AGENT_MARK, WRAPPER_MARK, agentSpecSchema, type AgentSpec } from '../coordination/link.ts';
import { SwarmError, errorText } from '../domain/errors.ts';

/** @throws SwarmError `bad-spec` naming the file and the field */
export async function readSpec(file: string): Promise<AgentSpec> {
  return check(file, agentSpecSchema, await readJson(file));
}

/** The environment that the person's shell gave `swarm`. @throws SwarmError `bad-spec` */
export async function readEnvSnapshot(file: string): Promise<Record<string, string>> {
  return check(file, z.record(z.string(), z.string()), await readJson(file));
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new SwarmError('bad-spec', `cannot read ${file}: ${errorText(error)}`, {
      cause: error,
      hint: 'Run `swarm up` again: it writes this file.',
    });
  }
}

function check<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SwarmError('bad-spec', `${file} does not fit: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`, {
    hint: 'Run `swarm up` again with the same version of swarm.',
  });
}

/**
 * Environment of what swarm itself starts (supervisor): the person's, without what would tie it to this pane.
 * `TMUX` goes so that a `tmux kill-server` below does not hit our server.
 */
export function cleanEnv(snapshot: Readonly<Record<string, string>>): Record<string, string> {
  const { TMUX: _tmux, TMUX_PANE: _pane, [WRAPPER_MARK]: _wrapper, [AGENT_MARK]: _agent, ...rest } = snapshot;
  return rest;
}

/** Text of the marker that everything an agent runs carries in its environment. */
export function markOf(
  spec: Pick<AgentSpec, 'project' | 'agent'>,
  attempt: { task: string; attempt: number } | null,
): string {
  return `${spec.project}/${spec.agent}/${attempt?.task ?? '-'}/${attempt?.attempt ?? '-'}`;
}
