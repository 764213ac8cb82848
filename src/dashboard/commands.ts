import type { AgentVerb, Effect, TaskVerb } from './effects.ts';

/** What commands relate to: the selection, and the existing agents and tasks. */
export interface CommandScope {
  agent: string | null;
  task: string | null;
  agents: readonly string[];
  tasks: readonly string[];
}

/** `problem` is for the person, who may correct the line. */
export type Parsed = { effect: Effect } | { show: 'help' } | { problem: string };

interface Command {
  words: string;
  usage: string;
  help: string;
  /** The possible words after the command; null for free text. */
  offers(scope: CommandScope): readonly string[] | null;
  parse(rest: string, scope: CommandScope): Parsed;
}

function agentCommand(verb: AgentVerb | 'rm', help: string, usage = '[AGENT…]'): Command {
  return {
    words: verb,
    usage: `${verb} ${usage}`,
    help,
    offers: ({ agents }) => agents,
    parse(rest, scope) {
      // A removal needs the agent's name: the selection is not enough.
      const selected = scope.agent === null || verb === 'rm' ? [] : [scope.agent];
      const ids = rest === '' ? selected : rest.split(' ');
      if (ids.length === 0) return { problem: `${verb} which agent? There are ${scope.agents.join(', ') || 'none'}` };
      const unknown = ids.find((id) => !scope.agents.includes(id));
      if (unknown !== undefined) return { problem: `there is no agent ${unknown}` };
      return { effect: verb === 'rm' ? { do: 'remove', ids } : { do: 'agents', verb, ids } };
    },
  };
}

function taskCommand(verb: TaskVerb, help: string): Command {
  return {
    words: `task ${verb}`,
    usage: `task ${verb} [TASK]`,
    help,
    offers: ({ tasks }) => tasks,
    parse(rest, scope) {
      const id = rest === '' ? scope.task : rest;
      return id === null || id.includes(' ')
        ? { problem: `${verb} which task?` }
        : { effect: { do: 'task', verb, id } };
    },
  };
}

/** In the order in which they are offered. */
export const COMMANDS: readonly Command[] = [
  {
    words: 'task add',
    usage: 'task add WHAT IS TO BE DONE',
    help: 'a task for any free agent',
    offers: () => null,
    parse: (rest) =>
      rest === '' ? { problem: 'say what is to be done' } : { effect: { do: 'add-task', title: rest } },
  },
  taskCommand('cancel', 'cancel a task'),
  taskCommand('retry', 'try a dead or cancelled task again'),
  {
    words: 'send',
    usage: 'send AGENT TEXT',
    help: 'a message: the next turn of its conversation',
    offers: ({ agents }) => agents,
    parse(rest, { agents }) {
      const [agent = '', ...words] = rest.split(' ');
      if (!agents.includes(agent)) return { problem: `send to which agent? There are ${agents.join(', ') || 'none'}` };
      return words.length === 0
        ? { problem: 'the message is empty' }
        : { effect: { do: 'send', agent, text: words.join(' ') } };
    },
  },
  agentCommand('pause', 'let it finish its turn and take no new task'),
  agentCommand('resume', 'let it go on'),
  agentCommand('restart', 'start it again in the same conversation'),
  agentCommand('stop', 'end it; its worktree and conversation stay'),
  agentCommand('rm', 'remove it, unless work would be lost', 'AGENT…'),
  {
    words: 'scale',
    usage: 'scale N',
    help: 'so many workers',
    offers: () => null,
    parse: (rest) =>
      /^[1-9]\d?$|^1\d\d$|^200$/.test(rest)
        ? { effect: { do: 'scale', workers: Number(rest) } }
        : { problem: 'scale to how many workers? From 1 to 200' },
  },
  { words: 'help', usage: 'help', help: 'the keys and commands', offers: () => null, parse: () => ({ show: 'help' }) },
  {
    words: 'quit',
    usage: 'quit',
    help: 'leave; the swarm works on',
    offers: () => null,
    parse: () => ({ effect: { do: 'quit' } }),
  },
];

export function parseCommand(line: string, scope: CommandScope): Parsed {
  const text = flat(line);
  const command = commandOf(text);
  if (command === undefined) return { problem: `there is no command "${text}"; ? shows them all` };
  return command.parse(text.slice(command.words.length).trim(), scope);
}

/** The commands that begin like the line. */
export function matching(line: string): readonly Command[] {
  const text = flat(line).toLowerCase();
  const begun = commandOf(text);
  return begun === undefined ? COMMANDS.filter(({ words }) => words.startsWith(text)) : [begun];
}

/** The line with its last word completed up to where the possible words differ. */
export function complete(line: string, scope: CommandScope): string {
  const text = line.trimStart();
  const command = commandOf(flat(text));
  if (command === undefined || (flat(text) === command.words && !text.endsWith(' '))) {
    const names = matching(text).map(({ words }) => words);
    const common = commonStart(names);
    return names.length === 1 ? `${common} ` : common.length > text.length ? common : line;
  }
  const last = text.endsWith(' ') ? '' : (text.split(' ').at(-1) ?? '');
  const offers = (command.offers(scope) ?? []).filter((offer) => offer.startsWith(last));
  const common = commonStart(offers);
  if (common.length <= last.length && offers.length !== 1) return line;
  return `${text.slice(0, text.length - last.length)}${common}${offers.length === 1 ? ' ' : ''}`;
}

function commandOf(text: string): Command | undefined {
  return COMMANDS.find(({ words }) => text === words || text.startsWith(`${words} `));
}

function flat(line: string): string {
  return line.trim().replaceAll(/\s+/g, ' ');
}

function commonStart(words: readonly string[]): string {
  const [first = '', ...others] = words;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}

export function commandHelp(): string[] {
  return ['Commands, after :', ...COMMANDS.map(({ usage, help }) => `  ${usage.padEnd(30)} ${help}`)];
}
