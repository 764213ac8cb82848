import type { Condition, MassDeathHold } from '../../health/index.ts';
import type { AccountHold } from '../../health/account.ts';

/** Why all agents of the account wait, in one line for a person. */
export function holdWords({ kind, detail, probe }: AccountHold): string {
  const tries = probe === null ? '' : ` (${probe.agent} tries)`;
  switch (kind) {
    case 'auth':
      return `the login is refused: ${detail}${tries}`;
    case 'rate-limit':
      return `the account's limit is reached: ${detail}${tries}`;
    case 'overload':
      return `the API fails: ${detail}${tries}`;
  }
}

const BRIEF = { auth: 'login refused', 'rate-limit': 'rate limit', overload: 'the API fails' };

/** The hold in a few words, with the time of the next try. */
export function holdBrief({ kind, until, probe }: AccountHold): string {
  return `${BRIEF[kind]}, ${probe === null ? `until ${timeText(until)}` : `${probe.agent} tries`}`;
}

/** The same for a mass death, with its reason. */
export function massDeathBrief({ since, until, probe, detail }: MassDeathHold): string {
  const next = probe === null ? `one is started at ${timeText(until)}` : `${probe.agent} is started to see`;
  return `mass death hold since ${timeText(since)}, ${next}: ${detail}`;
}

const timeText = (at: number): string => new Date(at).toISOString();

const ON_DEMAND = '`swarm resume AGENT` has it try now';

/** @param account its name, `default` where all agents share one */
export function holdConditions(account: string, hold: AccountHold | null): Condition[] {
  if (hold === null) return [];
  const whose = account === 'default' ? '' : ` (${account})`;
  const common = { key: `account.${hold.kind}.${account}`, agent: null };
  const about = `${holdWords({ ...hold, probe: null })}${whose}`;
  const until = timeText(hold.until);
  switch (hold.kind) {
    case 'auth': {
      const text = `${about}. No agent works until it is back: run \`claude\`, then /login; it is tried again by itself`;
      return [{ ...common, severity: 'critical', text }];
    }
    case 'rate-limit':
      return [{ ...common, severity: 'warning', text: `${about}. All agents wait until ${until}; ${ON_DEMAND}` }];
    case 'overload':
      return [
        { ...common, severity: 'warning', text: `${about}. All agents wait; one tries at ${until}, ${ON_DEMAND}` },
      ];
  }
}
