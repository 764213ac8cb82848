import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { processIdentitySchema } from '../process/identity-schema.ts';
import { isAlive } from '../process/index.ts';
import type { BrokerPaths } from './config.ts';

const userSchema = processIdentitySchema.extend({ project: z.string() });

/** A supervisor that uses the broker. */
export type BrokerSupervisor = z.infer<typeof userSchema>;

/** All that joined and did not leave. An unreadable file counts as none: each joins again with its next start. */
function joinedSupervisors(paths: BrokerPaths): BrokerSupervisor[] {
  let text: string;
  try {
    text = readFileSync(paths.users, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
  try {
    const parsed = z.array(userSchema).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : [];
  } catch {
    return []; // cut off by a power loss
  }
}

/** Supervisors of the broker whose process lives. */
export function livingSupervisors(paths: BrokerPaths): BrokerSupervisor[] {
  return joinedSupervisors(paths).filter((user) => isAlive(user));
}

/** Whether the project's supervisor joined and was killed before it left. */
export function diedInUse(paths: BrokerPaths, project: string): boolean {
  return joinedSupervisors(paths).some((user) => user.project === project && !isAlive(user));
}

export async function addSupervisor(paths: BrokerPaths, user: BrokerSupervisor): Promise<void> {
  const others = livingSupervisors(paths).filter((other) => other.project !== user.project);
  await writeFileAtomic(paths.users, JSON.stringify([...others, user]));
}

/** @returns the supervisors that are left */
export async function removeSupervisor(paths: BrokerPaths, project: string): Promise<BrokerSupervisor[]> {
  const others = livingSupervisors(paths).filter((other) => other.project !== project);
  await writeFileAtomic(paths.users, JSON.stringify(others));
  return others;
}
