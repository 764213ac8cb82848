import type { NeedsYou } from '../api/agents/schemas.ts';
import { complete, parseCommand, type CommandScope } from './commands.ts';
import type { Effect } from './effects.ts';
import { isCharacter } from './key-names.ts';
import { bindingFor, PANES, type Action, type PaneName } from './keys.ts';
import { edit, insert, lineOf } from './line-editor.ts';
import type { Model } from './model.ts';
import {
  cursorIndex,
  keysOf,
  modeOf,
  selected,
  selectedAgent,
  startLine,
  targetItem,
  withTarget,
  type Purpose,
  type Ui,
} from './ui.ts';

export interface Pressed {
  ui: Ui;
  effect: Effect | null;
}

const PAGE = 10;
/** A question that came under the cursor less than this ago cannot have been read, ms. */
const READING_MS = 500;

/** The effect of a key. An unmapped one changes nothing. Pure. */
export function press(ui: Ui, model: Model, key: string, now: number): Pressed {
  const mode = modeOf(ui);
  const binding = bindingFor(mode, ui.pane, key);
  if (binding === undefined) {
    if (ui.line === null || !isCharacter(key)) return { ui, effect: null };
    return only({ ...ui, line: { ...ui.line, ...insert(ui.line, key) } });
  }
  const pressed =
    mode === 'line'
      ? inLine(ui, model, binding.action)
      : mode === 'text'
        ? only(inText(ui, binding.action))
        : inPanes(ui, model, binding.action, now);
  return { ...pressed, ui: withTarget(pressed.ui, model, Number.NEGATIVE_INFINITY) };
}

/**
 * Pasted text goes into a line that is being written, and nowhere else: in the panes each of its letters would be an
 * order.
 */
export function paste(ui: Ui, text: string): Ui {
  if (ui.line !== null) return { ...ui, line: { ...ui.line, ...insert(ui.line, text) } };
  return { ...ui, notice: { text: 'pasted text is ignored here; : opens the command line', problem: true } };
}

function only(ui: Ui): Pressed {
  return { ui, effect: null };
}

function problem(ui: Ui, text: string): Pressed {
  return only({ ...ui, notice: { text, problem: true } });
}

function inPanes(before: Ui, model: Model, action: Action, now: number): Pressed {
  const ui: Ui = { ...before, notice: null };
  switch (action) {
    case 'quit':
      return { ui, effect: { do: 'quit' } };
    case 'help':
      return only({ ...ui, overlay: { show: 'help', top: 0 } });
    case 'command':
      return only(startLine(ui, { for: 'command' }));
    case 'next-pane':
      return only({ ...ui, pane: neighbour(ui.pane, 1) });
    case 'previous-pane':
      return only({ ...ui, pane: neighbour(ui.pane, -1) });
    case 'needs-you':
    case 'agents':
    case 'tasks':
    case 'events':
      return only({ ...ui, pane: action });
    case 'details': {
      const key = selected(ui, model);
      return only(key === null ? ui : { ...ui, overlay: { show: 'details', pane: ui.pane, key, top: 0 } });
    }
    case 'open':
    case 'message':
    case 'allow':
    case 'deny':
      return toAgent(ui, model, action, now);
    default:
      return only(move(ui, model, action));
  }
}

function toAgent(ui: Ui, model: Model, action: 'open' | 'message' | 'allow' | 'deny', now: number): Pressed {
  const agent = selectedAgent(ui, model);
  if (agent === null) return problem(ui, ui.pane === 'needs-you' ? 'nothing needs you' : 'there is no agent');
  if (action === 'open') return { ui, effect: { do: 'attach', agent } };
  if (action === 'message') return only(startLine(ui, { for: 'message', agent }));
  const target = targetItem(ui, model);
  if (target === null) return problem(ui, `${agent} asks nothing`);
  if (ui.answered.includes(target.key)) return problem(ui, `${agent}: answered already`);
  if (now - ui.target.since < READING_MS) return problem(ui, 'that has just come up: read it, then press again');
  return decide(ui, target, action);
}

function decide(ui: Ui, { key, item }: { key: string; item: NeedsYou }, decision: 'allow' | 'deny'): Pressed {
  const { agent, id } = item;
  switch (item.kind) {
    case 'permission':
      return {
        ui: { ...ui, answered: [...ui.answered, key] },
        effect: { do: 'answer', agent, key, request: { needsYou: id, decision } },
      };
    case 'question':
      return only(startLine(ui, { for: 'answer', agent, key, needsYou: id }));
    case 'trust':
      return problem(ui, 'trust is given by `swarm up --trust`, or in the terminal of the agent (Enter)');
    case 'login':
      return problem(ui, 'log in to Claude Code in a terminal of yours; the agent then starts by itself');
    case 'settings':
      return problem(ui, 'change that setting of Claude Code; the agent then goes on by itself');
  }
}

function neighbour(pane: PaneName, step: 1 | -1): PaneName {
  return PANES[(PANES.indexOf(pane) + step + PANES.length) % PANES.length] ?? pane;
}

function move(ui: Ui, model: Model, action: Action): Ui {
  const keys = keysOf(ui.pane, model);
  if (keys.length === 0) return ui;
  const at = cursorIndex(ui, model, ui.pane);
  const to = Math.max(0, Math.min(keys.length - 1, landing(at, keys.length - 1, action)));
  // New events come in at the top: a cursor at the top stays there.
  const key = to === 0 && ui.pane === 'events' ? null : (keys[to] ?? null);
  return { ...ui, cursors: { ...ui.cursors, [ui.pane]: { key, index: to } } };
}

function landing(at: number, last: number, action: Action): number {
  switch (action) {
    case 'up':
      return at - 1;
    case 'down':
      return at + 1;
    case 'page-up':
      return at - PAGE;
    case 'page-down':
      return at + PAGE;
    case 'first':
      return 0;
    case 'last':
      return last;
    default:
      return at;
  }
}

function inText(ui: Ui, action: Action): Ui {
  const { overlay } = ui;
  if (overlay === null || action === 'close') return { ...ui, overlay: null };
  // Not bounded below: only the view knows the length of the text.
  return { ...ui, overlay: { ...overlay, top: Math.max(0, landing(overlay.top, Number.MAX_SAFE_INTEGER, action)) } };
}

/** Bounds the overlay by the length of its text, so that the next key up has a visible effect. */
export function clampOverlay(ui: Ui, most: number): Ui {
  if (ui.overlay === null || ui.overlay.top <= most) return ui;
  return { ...ui, overlay: { ...ui.overlay, top: Math.max(0, most) } };
}

function inLine(ui: Ui, model: Model, action: Action): Pressed {
  const { line } = ui;
  if (line === null) return only(ui);
  if (action === 'close') return only({ ...ui, line: null, notice: null });
  if (action === 'complete') {
    if (line.purpose.for !== 'command') return only(ui);
    return only({ ...ui, line: { ...line, ...lineOf(complete(line.text, scopeOf(ui, model))) } });
  }
  if (action === 'submit')
    return submit({ ...ui, line: null, notice: null }, model, line.text.trim(), line.purpose, ui);
  return only({ ...ui, line: { ...line, ...edit(line, action) } });
}

/** Submits the line. @param open the state with the line still open, for a line that must be corrected */
function submit(closed: Ui, model: Model, text: string, purpose: Purpose, open: Ui): Pressed {
  if (text === '') return only(closed);
  switch (purpose.for) {
    case 'message':
      return { ui: closed, effect: { do: 'send', agent: purpose.agent, text } };
    case 'answer': {
      const { agent, key, needsYou } = purpose;
      return {
        ui: { ...closed, answered: [...closed.answered, key] },
        effect: { do: 'answer', agent, key, request: { needsYou, decision: 'text', text } },
      };
    }
    case 'command': {
      const parsed = parseCommand(text, scopeOf(closed, model));
      if ('problem' in parsed) return problem(open, parsed.problem);
      return 'show' in parsed
        ? only({ ...closed, overlay: { show: 'help', top: 0 } })
        : { ui: closed, effect: parsed.effect };
    }
  }
}

function scopeOf(ui: Ui, model: Model): CommandScope {
  return {
    agent: selectedAgent(ui, model),
    task: ui.pane === 'tasks' ? selected(ui, model) : null,
    agents: (model.status?.agents ?? []).map(({ id }) => id),
    tasks: model.tasks.map(({ id }) => id),
  };
}
