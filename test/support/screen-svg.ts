import { width as widthOf } from '../../src/lib/columns.ts';

/**
 * Draws a terminal's screen as an SVG picture: the output of `tmux capture-pane -e`, in a window of its own with the
 * viewer's monospaced font. Each run of one colour is stretched to its columns, so that lines stay straight in any
 * font.
 */
const CELL = { width: 8.4, height: 18 };
const FONT_SIZE = 14;
const MARGIN = 16;
const BAR = 34;
const BASELINE = 13.5;

const BACKGROUND = '#101418';
const FOREGROUND = '#d3d7de';
const PALETTE: Readonly<Record<number, string>> = {
  30: '#5c6370',
  31: '#f0716b',
  32: '#7fd88f',
  33: '#f2c14e',
  34: '#6ea8fe',
  35: '#c792ea',
  36: '#58c7d6',
  37: '#d3d7de',
  90: '#7f848e',
};

interface Style {
  colour: string;
  bold: boolean;
  dim: boolean;
  inverse: boolean;
}

interface Run {
  text: string;
  style: Style;
}

const PLAIN: Style = { colour: FOREGROUND, bold: false, dim: false, inverse: false };

/** The style after one `ESC [ … m`. */
function styled(style: Style, codes: string): Style {
  const next = { ...style };
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) Object.assign(next, PLAIN);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) Object.assign(next, { bold: false, dim: false });
    else if (code === 27) next.inverse = false;
    else if (code === 39) next.colour = FOREGROUND;
    // The background is the window's everywhere.
    else if (code === 49) continue;
    else next.colour = PALETTE[code] ?? unknownCode(code);
  }
  return next;
}

function unknownCode(code: number): never {
  throw new Error(`the picture does not know the terminal's code ${code}`);
}

/** The line cut where its colour changes. */
function runsOf(line: string, before: Style): { runs: Run[]; after: Style } {
  const runs: Run[] = [];
  let style = before;
  for (const part of line.split(/(\u001B\[[\d;]*m)/)) {
    const codes = /^\u001B\[([\d;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) style = styled(style, codes);
    else if (part !== '') runs.push({ text: part, style });
  }
  return { runs, after: style };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Spaces are left out: they are the gaps between words that have a place each. */
function drawRun({ text, style }: Run, column: number, row: number): string[] {
  const y = BAR + row * CELL.height + BASELINE;
  const attributes = [
    `fill="${style.colour}"`,
    ...(style.bold ? ['font-weight="bold"'] : []),
    ...(style.dim ? ['opacity="0.6"'] : []),
  ].join(' ');
  return [...text.matchAll(/\S+(?: \S+)*/gu)].map((match) => {
    const columns = widthOf(match[0]);
    const x = MARGIN + (column + widthOf(text.slice(0, match.index))) * CELL.width;
    const length = number(columns * CELL.width);
    return `<text x="${number(x)}" y="${number(y)}" textLength="${length}" lengthAdjust="spacingAndGlyphs" ${attributes}>${escape(match[0])}</text>`;
  });
}

/** @param screen lines with the escape sequences of their colours @param size in columns and rows */
export function screenSvg(screen: string, size: { columns: number; rows: number }, title: string): string {
  const width = Math.ceil(size.columns * CELL.width + 2 * MARGIN);
  const height = Math.ceil(BAR + size.rows * CELL.height + MARGIN);
  const texts: string[] = [];
  let style = PLAIN;
  for (const [row, line] of screen.split('\n').entries()) {
    const { runs, after } = runsOf(line, style);
    style = after;
    let column = 0;
    for (const run of runs) {
      texts.push(...drawRun(run, column, row));
      column += widthOf(run.text);
    }
  }
  const dots = ['#f0716b', '#f2c14e', '#7fd88f'].map(
    (colour, at) => `<circle cx="${MARGIN + 6 + at * 20}" cy="17" r="6" fill="${colour}"/>`,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">`,
    `<rect width="${width}" height="${height}" rx="10" fill="${BACKGROUND}"/>`,
    ...dots,
    `<text x="${width / 2}" y="21" text-anchor="middle" fill="#7f848e" font-family="system-ui, sans-serif" font-size="13">${escape(title)}</text>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" xml:space="preserve">`,
    ...texts,
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
}
