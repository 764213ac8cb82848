/** The keys of the dashboard as data: the key, its action, and its text in the help. */

export const PANES = ['needs-you', 'agents', 'tasks', 'events'] as const;
export type PaneName = (typeof PANES)[number];

/** What the keys act on. */
export type Mode = 'panes' | 'line' | 'text';

export type Action =
  | 'quit'
  | 'help'
  | 'command'
  | 'next-pane'
  | 'previous-pane'
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'open'
  | 'details'
  | 'allow'
  | 'deny'
  | 'message'
  | 'close'
  | 'submit'
  | 'complete'
  | 'left'
  | 'right'
  | 'line-start'
  | 'line-end'
  | 'erase-left'
  | 'erase-right'
  | 'erase-word'
  | 'erase-line'
  | PaneName;

export interface Binding {
  keys: readonly string[];
  mode: Mode;
  /** The panes where it works; absent: everywhere in its mode. */
  panes?: readonly PaneName[];
  action: Action;
  help: string;
}

const WITH_AGENT: readonly PaneName[] = ['needs-you', 'agents'];

/** In the order in which the help shows them. */
export const KEYS: readonly Binding[] = [
  {
    mode: 'panes',
    keys: ['enter'],
    panes: WITH_AGENT,
    action: 'open',
    help: 'its terminal; Ctrl-b d comes back',
  },
  { mode: 'panes', keys: ['enter'], panes: ['tasks', 'events'], action: 'details', help: 'all about it' },
  {
    mode: 'panes',
    keys: ['a'],
    panes: WITH_AGENT,
    action: 'allow',
    help: 'allow it; a question: write the answer',
  },
  { mode: 'panes', keys: ['d'], panes: WITH_AGENT, action: 'deny', help: 'deny it' },
  { mode: 'panes', keys: ['i'], action: 'details', help: 'all about what is selected' },
  { mode: 'panes', keys: ['m'], panes: WITH_AGENT, action: 'message', help: 'write a message to the agent' },
  { mode: 'panes', keys: [':'], action: 'command', help: 'a command: add a task, pause, stop, send, …' },
  { mode: 'panes', keys: ['tab', 'l', 'right'], action: 'next-pane', help: 'next pane' },
  { mode: 'panes', keys: ['shift+tab', 'h', 'left'], action: 'previous-pane', help: 'previous pane' },
  { mode: 'panes', keys: ['1'], action: 'needs-you', help: 'what needs you' },
  { mode: 'panes', keys: ['2'], action: 'agents', help: 'agents' },
  { mode: 'panes', keys: ['3'], action: 'tasks', help: 'tasks' },
  { mode: 'panes', keys: ['4'], action: 'events', help: 'events' },
  { mode: 'panes', keys: ['j', 'down'], action: 'down', help: 'down' },
  { mode: 'panes', keys: ['k', 'up'], action: 'up', help: 'up' },
  { mode: 'panes', keys: ['pagedown', 'ctrl+f'], action: 'page-down', help: 'ten down' },
  { mode: 'panes', keys: ['pageup', 'ctrl+b'], action: 'page-up', help: 'ten up' },
  { mode: 'panes', keys: ['g', 'home'], action: 'first', help: 'first' },
  { mode: 'panes', keys: ['G', 'end'], action: 'last', help: 'last' },
  { mode: 'panes', keys: ['?'], action: 'help', help: 'this help' },
  { mode: 'panes', keys: ['q', 'ctrl+c'], action: 'quit', help: 'leave; the swarm works on' },

  { mode: 'line', keys: ['enter'], action: 'submit', help: 'do it' },
  { mode: 'line', keys: ['escape', 'ctrl+c'], action: 'close', help: 'do nothing' },
  { mode: 'line', keys: ['tab'], action: 'complete', help: 'complete the word' },
  { mode: 'line', keys: ['left'], action: 'left', help: 'left' },
  { mode: 'line', keys: ['right'], action: 'right', help: 'right' },
  { mode: 'line', keys: ['home', 'ctrl+a'], action: 'line-start', help: 'to the beginning' },
  { mode: 'line', keys: ['end', 'ctrl+e'], action: 'line-end', help: 'to the end' },
  { mode: 'line', keys: ['backspace'], action: 'erase-left', help: 'erase to the left' },
  { mode: 'line', keys: ['delete'], action: 'erase-right', help: 'erase to the right' },
  { mode: 'line', keys: ['ctrl+w'], action: 'erase-word', help: 'erase a word' },
  { mode: 'line', keys: ['ctrl+u'], action: 'erase-line', help: 'erase it all' },

  { mode: 'text', keys: ['escape', 'q', '?', 'i', 'enter', 'ctrl+c'], action: 'close', help: 'back' },
  { mode: 'text', keys: ['j', 'down'], action: 'down', help: 'down' },
  { mode: 'text', keys: ['k', 'up'], action: 'up', help: 'up' },
  { mode: 'text', keys: ['pagedown', 'ctrl+f'], action: 'page-down', help: 'ten down' },
  { mode: 'text', keys: ['pageup', 'ctrl+b'], action: 'page-up', help: 'ten up' },
  { mode: 'text', keys: ['g', 'home'], action: 'first', help: 'first' },
  { mode: 'text', keys: ['G', 'end'], action: 'last', help: 'last' },
];

export function bindingFor(mode: Mode, pane: PaneName, key: string): Binding | undefined {
  return KEYS.find(
    (binding) => binding.mode === mode && binding.keys.includes(key) && (binding.panes?.includes(pane) ?? true),
  );
}

const SHOWN: Readonly<Record<string, string>> = {
  enter: 'Enter',
  escape: 'Esc',
  tab: 'Tab',
  'shift+tab': 'Shift-Tab',
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  backspace: 'Backspace',
  delete: 'Del',
};

/** The key as it is written on a keyboard. */
export function keyLabel(key: string): string {
  return SHOWN[key] ?? key.replace(/^ctrl\+(.)$/, (_, letter: string) => `Ctrl-${letter}`);
}

const HEADINGS: readonly (readonly [Mode, string])[] = [
  ['panes', 'Keys'],
  ['line', 'While you write'],
  ['text', 'In a text such as this one'],
];

/** The help, from the map alone. */
export function helpLines(): string[] {
  return HEADINGS.flatMap(([mode, heading]) => [
    ...(mode === 'panes' ? [] : ['']),
    heading,
    ...KEYS.filter((binding) => binding.mode === mode).map(({ keys, panes, help }) => {
      const where = panes === undefined ? '' : ` (${panes.map(paneTitle).join(', ')})`;
      return `  ${keys.map(keyLabel).join(' ').padEnd(14)} ${help}${where}`;
    }),
  ]);
}

export function paneTitle(pane: PaneName): string {
  return pane === 'needs-you' ? 'needs you' : pane;
}
