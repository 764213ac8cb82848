import type { HistoryDocument } from '../../api/agents/schemas.ts';
import { formatDuration } from '../../lib/duration.ts';
import { oneLine, plain, table, type Output } from './output.ts';

/** `working 61 %, idle 38 %, recovering <1 %`, the longest first; empty where nothing is known. */
export function shareText(histories: readonly Pick<HistoryDocument, 'lasted'>[]): string {
  const sums = new Map<string, number>();
  for (const { lasted } of histories)
    for (const [status, ms] of Object.entries(lasted)) sums.set(status, (sums.get(status) ?? 0) + ms);
  const all = [...sums.values()].reduce((sum, ms) => sum + ms, 0);
  if (all === 0) return '';
  const shares = [...sums].toSorted(([, a], [, b]) => b - a).filter(([, ms]) => ms > 0);
  return shares.map(([status, ms]) => `${status} ${percent(ms / all)}`).join(', ');
}

function percent(share: number): string {
  const whole = Math.round(share * 100);
  return whole === 0 ? '<1 %' : `${whole} %`;
}

/** The statuses, the newest last, as in a log. */
export function historyLines(output: Output, history: HistoryDocument): string[] {
  const { agent, from, to, intervals } = history;
  const rows = intervals.map(({ since, ms, status, reason }) => [
    clock(since),
    formatDuration(ms),
    status,
    oneLine(plain(reason ?? ''), 80),
  ]);
  const span = formatDuration(Date.parse(to) - Date.parse(from));
  const text = shareText([history]);
  return [
    text === '' ? `nothing is known of ${agent} yet` : `${agent} in the last ${span}: ${text}`,
    '',
    ...table(output, ['SINCE', 'FOR', 'STATUS', 'WHY'], rows),
  ];
}

/** With the date, since a night may lie between. */
function clock(iso: string): string {
  const at = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${at.toTimeString().slice(0, 8)}`;
}
