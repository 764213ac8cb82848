import type { AlertDocument } from '../../api/alerts/schemas.ts';
import type { EventDocument } from '../../api/events/schemas.ts';
import type { SwarmClient } from '../../api/client.ts';
import { isEvent } from '../../domain/events.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { Context } from '../project/context.ts';
import { follow } from './events.ts';
import { shareText } from '../say/history.ts';
import { plain, type Output, type Style } from '../say/output.ts';
import { openProject } from '../project/project.ts';
import { readStatus, statusLines } from '../project/status.ts';
import type { Verb } from '../verb/verb.ts';

export const verb: Verb = {
  summary: 'health and alerts, live: for a pane of its own',
  description: 'Prints the state and what is wrong now, then each alert and each change, and rings for new alerts.',
  run: monitor,
};

const BELL = '\u0007';
const STYLES: Readonly<Record<AlertDocument['severity'], Style>> = { critical: 'red', warning: 'yellow', info: 'dim' };

/**
 * Prints the health of the swarm and the open alerts, and from then on each alert and each change of an agent's status.
 */
async function monitor(context: Context): Promise<void> {
  const { output } = context;
  const project = await openProject(context);
  const [open, newest] = await Promise.all([project.client.alerts.list(), newestEvent(project.client)]);
  if (!output.json) {
    for (const line of statusLines(output, await readStatus(project), Date.now())) output.line(line);
    output.line('');
    for (const line of await sinceYesterday(project.client)) output.line(line);
    if (open.length === 0) output.line(output.style('green', 'nothing is wrong'));
  }
  for (const alert of open) show(output, alert);
  await follow(context, project.client, newest, (event) => {
    const alert = alertOf(event);
    if (alert !== null) {
      show(output, alert);
      // tmux shows the bell on its status line, a terminal rings.
      if (output.isTerminal && !output.json && alert.state === 'raised') output.stdout.write(BELL);
    } else if (!output.json && event.name.startsWith('agent.status.')) {
      output.line(output.style('dim', statusLine(event)));
    }
  });
}

/** One line for all agents; none from an older supervisor, which keeps no history. */
async function sinceYesterday(client: SwarmClient): Promise<string[]> {
  try {
    const agents = await client.agents.list();
    const text = shareText(await Promise.all(agents.map(({ id }) => client.agents.history({ id }))));
    return text === '' ? [] : [`agents in the last 24 hours: ${text}`, ''];
  } catch (error) {
    if (error instanceof SwarmError) return [];
    throw error;
  }
}

async function newestEvent(client: {
  eventsAfter(id: number, limit: number): Promise<EventDocument[]>;
}): Promise<number> {
  let last = 0;
  for (;;) {
    const page = await client.eventsAfter(last, PAGE);
    last = page.at(-1)?.id ?? last;
    if (page.length < PAGE) return last;
  }
}

const PAGE = 1_000;

function show(output: Output, alert: AlertDocument): void {
  if (output.json) output.document(alert);
  else output.line(alertLine(output, alert));
}

export function alertLine(output: Output, { severity, state, text, at }: AlertDocument): string {
  const label =
    state === 'recovered' ? output.style('green', 'over    ') : output.style(STYLES[severity], severity.padEnd(8));
  return `${clock(at)}  ${label}  ${plain(text)}`;
}

function statusLine({ at, agent, name, data }: EventDocument): string {
  const reason = typeof data['reason'] === 'string' && data['reason'] !== '' ? `: ${plain(data['reason'])}` : '';
  return `${clock(at)}  ${agent ?? ''} ${name.slice('agent.status.'.length)}${reason}`;
}

function clock(at: string): string {
  return new Date(at).toTimeString().slice(0, 8);
}

/** The alert in an event; null for other events. */
export function alertOf(event: EventDocument): AlertDocument | null {
  return isEvent(event, 'alert.raised', 'alert.recovered') ? event.data : null;
}
