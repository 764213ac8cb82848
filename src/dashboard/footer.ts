import { oneLine, width } from '../lib/columns.ts';
import { characters } from '../lib/text.ts';
import { matching } from './commands.ts';
import { bindingFor, keyLabel } from './keys.ts';
import type { Model } from './model.ts';
import type { Paint } from './text.ts';
import { cursorIndex, modeOf, type Purpose, type Ui } from './ui.ts';

const PROMPTS: Record<Purpose['for'], (purpose: Purpose) => string> = {
  command: () => ':',
  answer: (purpose) => `answer to ${'agent' in purpose ? purpose.agent : ''}: `,
  message: (purpose) => `to ${'agent' in purpose ? purpose.agent : ''}: `,
};

/** The footer. Above: the last notice, or the possible commands; below: the line, or the keys. */
export function footer(ui: Ui, model: Model, columns: number, paint: Paint): string[] {
  const said =
    ui.notice === null ? '' : paint(ui.notice.problem ? 'yellow' : 'green', oneLine(ui.notice.text, columns));
  if (ui.line === null) return [said, paint('dim', oneLine(hints(ui, model, columns), columns))];
  const { purpose } = ui.line;
  const offered = purpose.for === 'command' ? offers(ui.line.text, columns) : 'Enter sends it, Esc drops it';
  const above = said === '' ? paint('dim', oneLine(offered === '' ? 'no such command' : offered, columns)) : said;
  return [above, lineText(PROMPTS[purpose.for](purpose), ui.line, columns, paint)];
}

/** The usage of each possible command, or where that is too long, the first words alone. */
function offers(text: string, columns: number): string {
  const commands = matching(text);
  const usages = commands.map(({ usage }) => usage).join(' · ');
  if (width(usages) <= columns) return usages;
  return [...new Set(commands.map(({ words }) => words.split(' ')[0]))].join(' · ');
}

/** A line that is being written. Of a long line the end is shown; the place of the next character is marked. */
function lineText(prompt: string, { text, at }: { text: string; at: number }, columns: number, paint: Paint): string {
  const all = characters(text);
  const room = columns - width(prompt) - 2;
  let from = at;
  let used = 0;
  while (from > 0 && used + width(all[from - 1] ?? '') < room) {
    from -= 1;
    used += width(all[from] ?? '');
  }
  let to = at;
  while (to < all.length && used + width(all[to] ?? '') <= room) {
    used += width(all[to] ?? '');
    to += 1;
  }
  const under = all[at] ?? ' ';
  const marked = paint('inverse', under);
  // Without colours the place is marked by a character.
  const cursor = marked === under ? `|${under}` : marked;
  return prompt + all.slice(from, at).join('') + cursor + all.slice(at + 1, to).join('');
}

/** Hints that are left out where the line is short, the first one first. */
const EXPENDABLE = ['tab', 'i', 'm'];

/** The keys that are of use now, from the key map. */
function hints(ui: Ui, model: Model, columns: number): string {
  if (modeOf(ui) === 'text') return 'j k up and down · Esc back';
  const item = ui.pane === 'needs-you' ? model.status?.needsYou[cursorIndex(ui, model, 'needs-you')] : undefined;
  const words: readonly (readonly [key: string, word: string | null])[] = [
    ['a', item?.kind === 'permission' ? 'allow' : item?.kind === 'question' ? 'answer' : null],
    ['d', item?.kind === 'permission' ? 'deny' : null],
    ['enter', ui.pane === 'needs-you' || ui.pane === 'agents' ? 'terminal' : 'details'],
    ['i', 'details'],
    ['m', 'message'],
    ['tab', 'next pane'],
    [':', 'command'],
    ['?', 'help'],
    ['q', 'leave'],
  ];
  const shown = words.filter(([key, word]) => word !== null && bindingFor('panes', ui.pane, key) !== undefined);
  const line = (left: number): string =>
    shown
      .filter(([key]) => !EXPENDABLE.slice(0, left).includes(key))
      .map(([key, word]) => `${keyLabel(key)} ${word}`)
      .join(' · ');
  const left = EXPENDABLE.findIndex((_, count) => width(line(count)) <= columns);
  return line(left === -1 ? EXPENDABLE.length : left);
}
