import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { SwarmError } from '../domain/errors.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { makeDirectory } from '../lib/make-directory.ts';
import { processIdentitySchema } from '../process/identity-schema.ts';
import { brokerPaths, definitions, ERLANG_NAMES, rabbitmqConf } from './config.ts';
import type { BrokerPaths } from './config.ts';

const portSchema = z.number().int().min(1).max(65_535);

/**
 * `broker.json` (0600): ports and password, chosen once and kept over restarts, and the processes of the last start.
 */
const recordSchema = z.object({
  v: z.literal(1),
  ports: z.object({ amqp: portSchema, epmd: portSchema, dist: portSchema }),
  credentials: z.object({ user: z.string(), password: z.string(), vhost: z.string() }),
  node: processIdentitySchema
    .extend({ startedAt: z.string(), version: z.string(), tree: z.enum(['slim', 'full']), ready: z.boolean() })
    .nullable(),
  epmd: processIdentitySchema.nullable(),
  /** Name of the slim tree that did not start: not tried again. */
  slimFailed: z.string().nullable(),
  /** Version of RabbitMQ that last ran on the data. */
  dataVersion: z.string().nullable().default(null),
  /** Whether copies were made of all messages since a node last ran on the data. */
  copied: z.boolean().default(false),
  /** That data were put aside, and where, until a start has worked that can tell so. */
  putAside: z.string().nullable().default(null),
});
export type BrokerJson = z.infer<typeof recordSchema>;

export function newCredentials(): BrokerJson['credentials'] {
  return { user: 'swarm', password: randomBytes(24).toString('hex'), vhost: 'swarm' };
}

/** Reads the file. Null when there is none, or none that can be read: then a new one is made and the data stay. */
export function readBrokerJson(paths: BrokerPaths): BrokerJson | null {
  let text: string;
  try {
    text = readFileSync(paths.record, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
  try {
    const parsed = recordSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // cut off by a power loss
  }
}

export async function writeBrokerJson(paths: BrokerPaths, record: BrokerJson): Promise<void> {
  await writeFileAtomic(paths.record, `${JSON.stringify(record, null, 2)}\n`);
}

/** Makes the directory (0700). @returns its paths, under the real path of `dir` */
export async function prepareDirectory(dir: string): Promise<BrokerPaths> {
  await makeDirectory(dir, 0o700).catch((cause: NodeJS.ErrnoException) => {
    throw new SwarmError('broker-directory', `${dir} cannot be made: ${cause.message}`, {
      hint: 'Set XDG_STATE_HOME to a directory of your own.',
      cause,
    });
  });
  const info = await stat(dir);
  if (process.getuid !== undefined && info.uid !== process.getuid()) {
    throw new SwarmError(
      'broker-directory',
      `The broker's directory ${dir} belongs to another user (uid ${info.uid})`,
      {
        retrySafe: true,
        hint: 'Set XDG_STATE_HOME to a directory of your own.',
      },
    );
  }
  if ((info.mode & 0o077) !== 0) await chmod(dir, 0o700);
  return brokerPaths(await realpath(dir));
}

async function writeOnce(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { mode, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  if ((await readFile(file)).length === 0)
    throw new SwarmError('broker-directory', `${file} is empty`, { hint: `Remove ${file}.` });
}

/** Writes every file that the node reads at its start. */
export async function writeNodeFiles(paths: BrokerPaths, record: BrokerJson): Promise<void> {
  for (const dir of [paths.home, paths.data, paths.log, paths.etc]) await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeOnce(paths.cookie, randomBytes(24).toString('hex').toUpperCase(), 0o400);
  await writeFileAtomic(paths.config, rabbitmqConf(paths, record.ports.amqp));
  await writeFileAtomic(paths.names, ERLANG_NAMES);
  await writeFileAtomic(paths.advanced, '[].\n');
  await writeFileAtomic(paths.plugins, '[].\n');
  await writeFileAtomic(paths.definitions, definitions(record.credentials, randomBytes(4)));
}
