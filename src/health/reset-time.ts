const LEAST_MS = 1_000;
const DAY_MS = 86_400_000;

/**
 * When a limit ends, read from the API's own words: "resets at 2030-01-01T13:00:00Z", "limit reached|1893495600",
 * "retry after 120 seconds", "resets 3pm", "resets at 10:30am".
 * @returns epoch ms, later than `now`; null where the text names no time
 */
export function resetTime(text: string | null, now: number): number | null {
  if (text === null) return null;
  const found = isoTime(text) ?? epochTime(text) ?? waitingTime(text, now) ?? clockTime(text, now);
  return found === null ? null : Math.max(now + LEAST_MS, found);
}

function isoTime(text: string): number | null {
  const at = /\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)/.exec(text);
  const ms = at === null ? Number.NaN : Date.parse(at[0]);
  return Number.isFinite(ms) ? ms : null;
}

function epochTime(text: string): number | null {
  const seconds = /\|(\d{10})\b/.exec(text)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1_000;
}

function waitingTime(text: string, now: number): number | null {
  const seconds = /retry[- ]after\D{0,5}(\d+)/i.exec(text)?.[1];
  return seconds === undefined ? null : now + Number(seconds) * 1_000;
}

/** The next moment with this time of day, by this machine's clock. */
function clockTime(text: string, now: number): number | null {
  const [, hours, minutes = '0', half] = /\bresets?(?: at)? (\d{1,2})(?::(\d\d))? ?([ap]m)\b/i.exec(text) ?? [];
  if (hours === undefined || half === undefined) return null;
  const at = new Date(now);
  at.setHours((Number(hours) % 12) + (half.toLowerCase() === 'pm' ? 12 : 0), Number(minutes), 0, 0);
  return at.getTime() > now ? at.getTime() : at.getTime() + DAY_MS;
}
