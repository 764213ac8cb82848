/** The facts about a conversation in a request to `/v1/messages`. */
export interface Conversation {
  /** Session id of Claude Code, or empty. */
  session: string;
  /** The newest message of a person (or swarm), without Claude Code's additions. */
  prompt: string;
  /** Place of that prompt among the messages: the same text said twice is two prompts. */
  promptIndex: number;
  /** Replies of the model since that prompt. */
  repliesSincePrompt: number;
  cwd: string;
}

interface Block {
  type?: unknown;
  text?: unknown;
}

interface Message {
  role?: unknown;
  content?: unknown;
}

export function readConversation(body: unknown): Conversation {
  const {
    messages: raw,
    metadata,
    system,
  } = (body ?? {}) as { messages?: unknown; metadata?: unknown; system?: unknown };
  const messages = Array.isArray(raw) ? (raw as Message[]) : [];
  let promptIndex = -1;
  let prompt = '';
  for (const [index, message] of messages.entries()) {
    const text = promptOf(message);
    if (text === null) continue;
    promptIndex = index;
    prompt = text;
  }
  const repliesSincePrompt = messages.slice(promptIndex + 1).filter((message) => message.role === 'assistant').length;
  return { session: sessionOf(metadata), prompt, promptIndex, repliesSincePrompt, cwd: cwdOf(system, messages) };
}

/** Null for replies, tool results, and messages that hold only reminders. */
function promptOf(message: Message): string | null {
  if (message.role !== 'user') return null;
  const blocks = blocksOf(message.content);
  if (blocks.some((block) => block.type === 'tool_result')) return null;
  const said = blocks
    .map((block) => (typeof block.text === 'string' ? withoutReminders(block.text) : ''))
    .filter((text) => text !== '');
  return said.length === 0 ? null : said.join('\n');
}

function withoutReminders(text: string): string {
  return text.replace(/<system-reminder>.*?<\/system-reminder>/gs, '').trim();
}

function blocksOf(content: unknown): Block[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? (content as Block[]) : [];
}

/** `metadata.user_id` is a JSON text, or `user_…_session_<uuid>` in older versions. */
function sessionOf(metadata: unknown): string {
  const userId = (metadata as { user_id?: unknown } | undefined)?.user_id;
  if (typeof userId !== 'string') return '';
  const match = /session(?:_id)?["_:\s]+([0-9a-f]{8}-[0-9a-f-]{27})/.exec(userId);
  return match?.[1] ?? '';
}

/** The agent's directory, which Claude Code names in the system prompt, or in a message of the system. */
function cwdOf(system: unknown, messages: Message[]): string {
  const said = messages.filter((message) => message.role === 'system').flatMap((message) => blocksOf(message.content));
  const texts = [...blocksOf(system), ...said];
  for (const { text } of texts) {
    const match = typeof text === 'string' ? /(?:Primary w|W)orking directory: *(\S[^\n]*)/.exec(text) : null;
    if (match?.[1] !== undefined) return match[1].trim();
  }
  return '';
}
