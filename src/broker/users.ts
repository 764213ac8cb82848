import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { BrokerPaths } from './config.ts';
import { isAlive } from './processes.ts';
import { writePrivate } from './record.ts';

const userSchema = z.object({
  project: z.string(),
  pid: z.number().int().positive(),
  startTime: z.string(),
  bootId: z.string(),
});

/** A supervisor that uses the broker. */
export type BrokerUser = z.infer<typeof userSchema>;

/** Users whose process lives. An unreadable file counts as none: each supervisor joins again with its next start. */
export function livingUsers(paths: BrokerPaths): BrokerUser[] {
  let text: string;
  try {
    text = readFileSync(paths.users, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
  try {
    const parsed = z.array(userSchema).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.filter(isAlive) : [];
  } catch {
    return []; // cut off by a power loss
  }
}

export async function addUser(paths: BrokerPaths, user: BrokerUser): Promise<void> {
  const others = livingUsers(paths).filter((other) => other.project !== user.project);
  await writePrivate(paths.users, JSON.stringify([...others, user]));
}

/** @returns who is left */
export async function removeUser(paths: BrokerPaths, project: string): Promise<BrokerUser[]> {
  const others = livingUsers(paths).filter((other) => other.project !== project);
  await writePrivate(paths.users, JSON.stringify(others));
  return others;
}
