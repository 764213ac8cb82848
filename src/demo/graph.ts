import type { Task } from '../domain/task-document.ts';
import { fill, width } from '../lib/columns.ts';

/** The fields of a task in the graph. */
export type GraphTask = Pick<Task, 'id' | 'title' | 'state'> & {
  /** The agent that has it now, or had it last. */
  agent: string | null;
  /** It waits for a person. */
  asks: boolean;
};

type Style = 'dim' | 'cyan' | 'green' | 'yellow' | 'red';
export type Paint = (style: Style, text: string) => string;

interface Look {
  mark: string;
  style: Style;
}

const LOOKS: Record<Task['state'], Look> = {
  waiting: { mark: '·', style: 'dim' },
  ready: { mark: '○', style: 'dim' },
  leased: { mark: '○', style: 'cyan' },
  running: { mark: '▶', style: 'cyan' },
  verifying: { mark: '▶', style: 'cyan' },
  retrying: { mark: '↻', style: 'yellow' },
  done: { mark: '✔', style: 'green' },
  dead: { mark: '✘', style: 'red' },
  cancelled: { mark: '✘', style: 'dim' },
};

/**
 * Tasks that many others lead to, as lines of text: sources left, what needs them all right. Pure.
 *
 *     t1 Write a  ▶ worker-1 ─┐
 *     t2 Write b  ▶ worker-2 ─┼─▶ t4 Put c together  · waiting
 *     t3 Write d  ✔ done     ─┘
 */
export function graphLines(sources: readonly GraphTask[], sink: GraphTask, paint: Paint): string[] {
  const names = sources.map(nameOf);
  const states = sources.map(stateText);
  const [nameWidth, stateWidth] = [widest(names), widest(states)];
  const middle = Math.floor((sources.length - 1) / 2);
  return sources.map((task, row) => {
    const name = fill(names[row] ?? '', nameWidth);
    const state = paint(lookOf(task).style, fill(states[row] ?? '', stateWidth));
    const end = row === middle ? `${nameOf(sink)}  ${paint(lookOf(sink).style, stateText(sink))}` : '';
    return `  ${name}  ${state} ${join(row, middle, sources.length)}${end}`;
  });
}

function nameOf({ id, title }: GraphTask): string {
  return `${id} ${title}`;
}

function lookOf(task: GraphTask): Look {
  return task.asks ? { mark: '?', style: 'yellow' } : LOOKS[task.state];
}

function stateText(task: GraphTask): string {
  const { mark } = lookOf(task);
  if (task.asks) return `${mark} ${task.agent ?? ''} asks`;
  return `${mark} ${task.state === 'running' && task.agent !== null ? task.agent : task.state}`;
}

function join(row: number, middle: number, count: number): string {
  if (count === 1) return '─▶ ';
  if (row === middle) return row === 0 ? '─┬─▶ ' : '─┼─▶ ';
  return row === 0 ? '─┐' : row === count - 1 ? '─┘' : '─┤';
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(width));
}
