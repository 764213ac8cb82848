import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { agentSpecSchema, type AgentSpec } from '../../coordination/link.ts';
import { environmentFor } from '../../domain/environment.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';

/**
 * Reads the spec that the supervisor wrote for this agent.
 * @throws SwarmError `bad-spec` naming the file and the field
 */
export async function readSpec(file: string): Promise<AgentSpec> {
  return check(file, agentSpecSchema, await readJson(file));
}

/** Reads the part of the person's shell environment that agents get. @throws SwarmError `bad-spec` */
export async function readEnvSnapshot(file: string): Promise<Record<string, string>> {
  // Filtered here too: a file that an older version wrote has more in it.
  return environmentFor('programs', check(file, z.record(z.string(), z.string()), await readJson(file)));
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

/** The mark that everything an agent runs carries in its environment. */
export function markOf(
  spec: Pick<AgentSpec, 'project' | 'agent'>,
  attempt: { task: string; attempt: number } | null,
): string {
  return `${spec.project}/${spec.agent}/${attempt?.task ?? '-'}/${attempt?.attempt ?? '-'}`;
}
