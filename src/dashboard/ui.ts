import type { NeedsYou } from '../api/agents/schemas.ts';
import { EMPTY_LINE, type Line } from './line-editor.ts';
import type { PaneName, Mode } from './keys.ts';
import type { Model } from './model.ts';

/** The purpose of the line that is being written. */
export type Purpose =
  | { for: 'command' }
  | { for: 'answer'; agent: string; key: string; needsYou: string }
  | { for: 'message'; agent: string };

/** A text over the panes: the help, or the details of a row, which are looked up when they are shown. */
export type Overlay = { show: 'help' } | { show: 'details'; pane: PaneName; key: string };

export interface Notice {
  text: string;
  problem: boolean;
}

/** A row by its key, and its place: when the row goes, its neighbour is next. */
export interface Cursor {
  key: string | null;
  index: number;
}

/** The person's view of the model: pane, cursors, line and overlay. Replaced as a whole. */
export interface Ui {
  pane: PaneName;
  cursors: Readonly<Record<PaneName, Cursor>>;
  line: (Line & { purpose: Purpose }) | null;
  overlay: (Overlay & { top: number }) | null;
  notice: Notice | null;
  /** The question that `a` and `d` would decide, and since when (ms) it is the one without the person's doing. */
  target: { key: string | null; since: number };
  /** Questions that the person has decided and that are still in the snapshot. */
  answered: readonly string[];
}

const TOP: Cursor = { key: null, index: 0 };

export const START: Ui = {
  pane: 'agents',
  cursors: { 'needs-you': TOP, agents: TOP, tasks: TOP, events: TOP },
  line: null,
  overlay: null,
  notice: null,
  target: { key: null, since: Number.NEGATIVE_INFINITY },
  answered: [],
};

/** Begins with the pane that needs the person. */
export function startWith(model: Model): Ui {
  const pane = (model.status?.needsYou.length ?? 0) > 0 ? 'needs-you' : 'agents';
  const ui: Ui = { ...START, pane };
  return { ...ui, target: { key: targetItem(ui, model)?.key ?? null, since: Number.NEGATIVE_INFINITY } };
}

export function modeOf(ui: Ui): Mode {
  if (ui.line !== null) return 'line';
  return ui.overlay === null ? 'panes' : 'text';
}

export function startLine(ui: Ui, purpose: Purpose): Ui {
  return { ...ui, line: { ...EMPTY_LINE, purpose }, notice: null };
}

/** An id is unique within its agent alone. */
export function needsYouKey(item: Pick<NeedsYou, 'agent' | 'id'>): string {
  return `${item.agent} ${item.id}`;
}

/** Keys of a pane's rows, from its top. */
export function keysOf(pane: PaneName, model: Model): readonly string[] {
  switch (pane) {
    case 'needs-you':
      return (model.status?.needsYou ?? []).map(needsYouKey);
    case 'agents':
      return (model.status?.agents ?? []).map(({ id }) => id);
    case 'tasks':
      return model.tasks.map(({ id }) => id);
    case 'events':
      return model.events.map(({ id }) => String(id));
  }
}

/** Index of the cursor; -1 in an empty pane. */
export function cursorIndex(ui: Ui, model: Model, pane: PaneName): number {
  const keys = keysOf(pane, model);
  const { key, index } = ui.cursors[pane];
  const found = key === null ? -1 : keys.indexOf(key);
  return found === -1 ? Math.min(key === null ? 0 : index, keys.length - 1) : found;
}

/** Key of the row under the cursor of the pane. */
export function selected(ui: Ui, model: Model, pane: PaneName = ui.pane): string | null {
  return keysOf(pane, model)[cursorIndex(ui, model, pane)] ?? null;
}

export function selectedAgent(ui: Ui, model: Model): string | null {
  if (ui.pane === 'needs-you') return model.status?.needsYou[cursorIndex(ui, model, 'needs-you')]?.agent ?? null;
  return ui.pane === 'agents' ? selected(ui, model) : null;
}

/** The question that the answering keys decide: the selected one, or the oldest one of the selected agent. */
export function targetItem(ui: Ui, model: Model): { key: string; item: NeedsYou } | null {
  const items = model.status?.needsYou ?? [];
  const item =
    ui.pane === 'needs-you'
      ? items[cursorIndex(ui, model, 'needs-you')]
      : ui.pane === 'agents'
        ? items.find((one) => one.agent === selected(ui, model) && !ui.answered.includes(needsYouKey(one)))
        : undefined;
  return item === undefined ? null : { key: needsYouKey(item), item };
}

/** The view after a new model: cursors keep their rows, and a new question under the answering keys is noted. */
export function settle(ui: Ui, model: Model, now: number): Ui {
  const cursors = Object.fromEntries(
    (Object.keys(ui.cursors) as PaneName[]).map((pane) => {
      const cursor = ui.cursors[pane];
      // A cursor at the top stays at the top, where the newest is.
      if (cursor.key === null) return [pane, cursor];
      const index = cursorIndex(ui, model, pane);
      return [pane, index === -1 ? cursor : { key: keysOf(pane, model)[index] ?? null, index }];
    }),
  ) as Record<PaneName, Cursor>;
  const open = keysOf('needs-you', model);
  const next: Ui = { ...ui, cursors, answered: ui.answered.filter((key) => open.includes(key)) };
  return withTarget(next, model, now);
}

/** @param since when the question came under the answering keys: now, or long ago where the person moved there */
export function withTarget(ui: Ui, model: Model, since: number): Ui {
  const key = targetItem(ui, model)?.key ?? null;
  return key === ui.target.key ? ui : { ...ui, target: { key, since } };
}
