import type { StatusDocument } from '../api/status/schemas.ts';
import { cut, oneLine, width } from '../lib/columns.ts';
import { commandHelp } from './commands.ts';
import { detailLines } from './details.ts';
import { footer } from './footer.ts';
import { helpLines, PANES, paneTitle, type PaneName } from './keys.ts';
import type { Model } from './model.ts';
import { agentRows, eventRows, needsYouRows, needsYouText, taskRows, type Look } from './rows.ts';
import { clock, money, type Paint } from './text.ts';
import { cursorIndex, type Ui } from './ui.ts';

export const LEAST_COLUMNS = 80;
/** Enough for a row or two of each pane, as in a pane of a divided terminal. */
export const LEAST_ROWS = 14;

export interface PaneView {
  name: PaneName;
  title: string;
  lines: readonly string[];
}

/** The whole screen as lines that fit it. */
export interface View {
  header: string;
  banner: string | null;
  panes: readonly PaneView[];
  /** Shown instead of the panes. */
  text: readonly string[] | null;
  footer: readonly string[];
  /** Farthest line to which the text over the panes can be moved. */
  mostTop: number;
}

export interface Frame {
  columns: number;
  rows: number;
  paint: Paint;
  now: Date;
}

const FOOTER_LINES = 2;
/** Rows that a pane without the focus keeps where there is room. */
const SOME_ROWS = 2;
const MARK = '› ';

export function viewOf(model: Model, ui: Ui, frame: Frame): View {
  const { columns, rows, paint } = frame;
  if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) return tooSmall(frame);
  const banner =
    model.away === null
      ? null
      : paint(
          'red',
          oneLine(`The supervisor is away, trying again: ${model.away}. What you see is what it said last.`, columns),
        );
  // One row less than the screen has: a frame that fills it makes Ink draw everything anew each time.
  const height = rows - 1 - 1 - FOOTER_LINES - (banner === null ? 0 : 1);
  const overlay = ui.overlay === null ? null : overlayLines(model, ui, frame);
  const mostTop = overlay === null ? 0 : Math.max(0, overlay.length - height);
  const top = Math.min(ui.overlay?.top ?? 0, mostTop);
  return {
    header: header(model.status, frame),
    banner,
    panes: overlay === null ? panes(model, ui, frame, height) : [],
    text: overlay === null ? null : filled(overlay.slice(top, top + height), height),
    footer: footer(ui, model, columns, paint),
    mostTop,
  };
}

function tooSmall({ columns, rows }: Frame): View {
  const text = `swarm dash needs ${LEAST_COLUMNS}×${LEAST_ROWS}, this is ${columns}×${rows}: make it larger; q leaves`;
  return { header: oneLine(text, Math.max(1, columns)), banner: null, panes: [], text: [], footer: [], mostTop: 0 };
}

function header(status: StatusDocument | null, { columns, paint, now }: Frame): string {
  if (status === null) return 'swarm';
  const needs =
    status.needsYou.length === 0 ? '' : `${status.needsYou.length} need${status.needsYou.length === 1 ? 's' : ''} you`;
  const base = status.project.base?.branch ?? '';
  const cost = status.agents.reduce((sum, agent) => sum + agent.costUsd, 0);
  const { broker } = status;
  const degraded = oneLine((status.degraded ?? []).filter((what) => !what.startsWith('broker ')).join('; '), 60);
  const facts = [
    status.supervisor.state === 'stopping' ? 'going down' : '',
    degraded === '' ? '' : `degraded: ${degraded}`,
    base === '' ? '' : `on ${base}`,
    `broker ${broker.state}${broker.reason === null ? '' : `: ${oneLine(broker.reason, 40)}`}`,
    money(cost),
    status.supervisor.since === null ? '' : `up since ${clock(status.supervisor.since, now)}`,
  ].filter((fact) => fact !== '');
  const name = oneLine(status.project.name, 30);
  const rest = oneLine(facts.join(' · '), Math.max(1, columns - width(name) - (needs === '' ? 2 : width(needs) + 4)));
  return [paint('bold', name), ...(needs === '' ? [] : [paint('yellow', needs)]), rest].join('  ');
}

function panes(model: Model, ui: Ui, frame: Frame, height: number): PaneView[] {
  const look: Look = { columns: frame.columns - width(MARK), paint: frame.paint, now: frame.now };
  const contents = PANES.map((name) => content(name, model, ui, look));
  const shares = shareRows(
    contents.map(({ lines }) => lines.length),
    PANES.indexOf(ui.pane),
    height,
  );
  return PANES.map((name, at) => {
    const { lines, cursorLine, more } = contents[at] ?? { lines: [], cursorLine: 0, more: '' };
    const room = shares[at] ?? 0;
    const focused = name === ui.pane;
    const from = Math.max(0, Math.min(lines.length - room, cursorLine - Math.floor(room / 2)));
    const shown = lines.slice(from, from + room);
    const marked = shown.map(
      (line, row) => (focused && from + row === cursorLine ? frame.paint('bold', MARK) : '  ') + line,
    );
    // The last pane fills the space to the footer, which so stays in its place.
    const above = shares.slice(0, -1).reduce((sum, rows) => sum + rows, PANES.length);
    const least = at === PANES.length - 1 ? height - above : 0;
    return { name, title: title(name, model, focused, more, frame), lines: filled(marked, least) };
  });
}

function filled(lines: readonly string[], height: number): string[] {
  return [...lines, ...Array.from({ length: Math.max(0, height - lines.length) }, () => '')];
}

interface Content {
  lines: string[];
  cursorLine: number;
  more: string;
}

function content(name: PaneName, model: Model, ui: Ui, look: Look): Content {
  const cursorLine = Math.max(0, cursorIndex(ui, model, name));
  switch (name) {
    case 'needs-you': {
      const items = model.status?.needsYou ?? [];
      const rows = needsYouRows(items, ui.answered, look);
      const item = items[cursorLine];
      const text = item === undefined ? [] : needsYouText(item, look.columns - 4).map((line) => `    ${line}`);
      return {
        lines: [...rows.slice(0, cursorLine + 1), ...text, ...rows.slice(cursorLine + 1)],
        cursorLine,
        more: '',
      };
    }
    case 'agents':
      return { lines: agentRows(model.status?.agents ?? [], look), cursorLine, more: '' };
    case 'tasks':
      return { lines: taskRows(model.tasks, look), cursorLine, more: taskCounts(model.status) };
    case 'events':
      return { lines: eventRows(model.events, look), cursorLine, more: '' };
  }
}

/**
 * The rows that each pane gets below its title: first the focused pane what it wants, then the one that needs the
 * person, then the others a few at least. Pure.
 */
export function shareRows(wanted: readonly number[], focused: number, height: number): number[] {
  const shares = wanted.map(() => 0);
  let left = Math.max(0, height - wanted.length);
  const order = [focused, ...wanted.keys()].filter((at, index, all) => all.indexOf(at) === index);
  const give = (at: number, upTo: number): void => {
    const more = Math.max(0, Math.min(left, upTo - (shares[at] ?? 0)));
    shares[at] = (shares[at] ?? 0) + more;
    left -= more;
  };
  for (const at of order) give(at, Math.min(SOME_ROWS, wanted[at] ?? 0));
  for (const at of order) give(at, wanted[at] ?? 0);
  return shares;
}

function title(name: PaneName, model: Model, focused: boolean, more: string, { columns, paint }: Frame): string {
  const number = PANES.indexOf(name) + 1;
  const count =
    name === 'needs-you'
      ? (model.status?.needsYou.length ?? 0)
      : name === 'agents'
        ? (model.status?.agents.length ?? 0)
        : null;
  const counted = count === null ? more : count === 0 ? 'nothing' : String(count);
  const label = `${number} ${paneTitle(name)}`;
  const text = oneLine(`${label}${counted === '' ? '' : ` · ${counted}`}`, columns - 4);
  const rule = '─'.repeat(Math.max(0, columns - width(text) - 4));
  if (focused) return paint('bold', `══ ${text} ${'═'.repeat(rule.length)}`);
  return paint('dim', `── ${text} ${rule}`);
}

function taskCounts(status: StatusDocument | null): string {
  const parts = Object.entries(status?.tasks ?? {}).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'none' : parts.map(([state, count]) => `${count} ${state}`).join(', ');
}

function overlayLines(model: Model, ui: Ui, { columns }: Frame): string[] {
  if (ui.overlay === null) return [];
  if (ui.overlay.show === 'details') return detailLines(ui.overlay.pane, ui.overlay.key, model, columns);
  // Not flattened: the columns of the help stay.
  return [...helpLines(), '', ...commandHelp()].map((line) => cut(line, columns));
}
