import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { AmqpConnection, peek, type Delivery } from '../amqp/index.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { amqpNames, type AmqpNames } from './names.ts';

/** Queues with messages that no store has: results and submissions that were not read yet, dead letters. */
const QUEUES = ['results', 'submit', 'dead'] as const;
type CopiedQueue = (typeof QUEUES)[number];

/** What is held in memory of one queue. More of it stays with the broker alone. */
const MAX = { messages: 10_000, bytes: 64 * 1024 * 1024 };
/** A broker that does not answer is stopped without copies, ms. */
const ANSWER_MS = 5_000;

const copySchema = z.object({
  queue: z.enum(QUEUES),
  /** Base64. */
  content: z.string(),
  messageId: z.string().exactOptional(),
  correlationId: z.string().exactOptional(),
  type: z.string().exactOptional(),
  contentType: z.string().exactOptional(),
  headers: z.record(z.string(), z.unknown()),
});
type Copy = z.infer<typeof copySchema>;

function toCopy(queue: CopiedQueue, { content, messageId, correlationId, type, contentType, headers }: Delivery): Copy {
  return {
    queue,
    content: content.toString('base64'),
    ...(messageId === undefined ? {} : { messageId }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(type === undefined ? {} : { type }),
    ...(contentType === undefined ? {} : { contentType }),
    headers,
  };
}

const fileOf = (dir: string, project: string): string => path.join(dir, `${project}.jsonl`);

/**
 * Writes down what waits in queues of a project; it stays there. Of another one of its queues the file tells nothing
 * then: a queue with a consumer holds nothing for long.
 * @param dir of the copies; a project without such messages has no file in it
 * @returns whether that is all of it
 */
export async function copyMessages(
  connection: AmqpConnection,
  names: AmqpNames,
  { dir, project, queues = QUEUES }: { dir: string; project: string; queues?: readonly CopiedQueue[] },
): Promise<boolean> {
  const copies: Copy[] = [];
  let complete = true;
  for (const queue of queues) {
    // Asked for first: a missing queue would end the channel with an error that is none.
    if ((await connection.queueInfo(names[queue])) === null) continue;
    const { deliveries, all } = await connection.withChannel((channel) => peek(channel, names[queue], MAX));
    copies.push(...deliveries.map((delivery) => toCopy(queue, delivery)));
    complete &&= all;
  }
  const file = fileOf(dir, project);
  if (copies.length === 0) await rm(file, { force: true });
  else {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeFileAtomic(file, copies.map((copy) => `${JSON.stringify(copy)}\n`).join(''));
  }
  return complete;
}

/**
 * Copies the messages of all projects, before their node is stopped: another version of RabbitMQ may be the next to
 * start, which cannot read its data.
 * @param known projects of which there is a state
 * @returns whether that is all of it. Never rejects
 */
export async function copyAllMessages(
  { url, copies }: { url: string; copies: string },
  known: readonly string[],
): Promise<boolean> {
  await using connection = AmqpConnection.open({ url, name: 'swarm copies', setup: async () => undefined });
  try {
    await connection.whenConnected(ANSWER_MS);
    const earlier = existsSync(copies) ? (await readdir(copies)).map((name) => path.parse(name).name) : [];
    let complete = true;
    for (const project of new Set([...known, ...earlier]))
      complete = (await copyMessages(connection, amqpNames(project), { dir: copies, project })) && complete;
    return complete;
  } catch {
    // The stop goes on: the data stay, and a start that cannot read them says that the copies are not complete.
    return false;
  }
}

/**
 * Publishes the messages of data that were put aside. A crash in between publishes some of them twice: a submission
 * counts once all the same. A file with a line that cannot be read, as a full disk leaves it, stays under another name.
 * @returns how many, and where such a file is
 */
export async function returnMessages(
  connection: AmqpConnection,
  names: AmqpNames,
  { dir, project }: { dir: string; project: string },
): Promise<{ count: number; unreadable: string | null }> {
  const file = fileOf(dir, project);
  if (!existsSync(file)) return { count: 0, unreadable: null };
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  const copies = lines.map(toMessage).filter((copy) => copy !== null);
  for (const { queue, content, ...properties } of copies)
    await connection.publish('', names[queue], Buffer.from(content, 'base64'), properties);
  if (copies.length === lines.length) {
    await rm(file);
    return { count: copies.length, unreadable: null };
  }
  const unreadable = `${file}.unreadable-${Date.now()}`;
  await rename(file, unreadable);
  return { count: copies.length, unreadable };
}

function toMessage(line: string): Copy | null {
  try {
    return copySchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
