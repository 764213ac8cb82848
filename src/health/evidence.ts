import type { WrapperSnapshot } from '../coordination/link.ts';
import { formatSize } from '../lib/size.ts';
import type { Evidence, HealthFacts, PaneState, Signs } from './facts.ts';

/** The evidence about an agent, newest view, in the order in which it is trusted. */
export function evidenceOf(facts: HealthFacts, now: number): Evidence[] {
  const { desired, lifecycle, link, probeError } = facts;
  const phase = lifecycle.phase === 'none' ? 'nothing is being done to it' : lifecycle.phase;
  const found: Evidence[] = [
    { fact: 'desired', value: desired, ageMs: null },
    { fact: 'lifecycle', value: withDetail(phase, lifecycle.detail), ageMs: age(now, lifecycle.since) },
    { fact: 'link', value: link.connected ? 'connected' : 'not connected', ageMs: age(now, link.since) },
  ];
  found.push(...snapshotEvidence(facts, now));
  if (facts.signs !== undefined) found.push(...signsEvidence(facts.signs, now));
  if (facts.pane !== null)
    found.push({ fact: 'pane', value: describePane(facts.pane), ageMs: age(now, facts.pane.at) });
  if (probeError)
    found.push({
      fact: `${probeError.probe} probe`,
      value: `fails: ${probeError.message}`,
      ageMs: age(now, probeError.since),
    });
  return found;
}

function snapshotEvidence({ snapshot, snapshotAt }: HealthFacts, now: number): Evidence[] {
  if (snapshot === null) return [];
  const { turn, turnSince, tasks, needsYou, held, paused, failure, lastProgressAt, lastExit } = snapshot;
  const found: Evidence[] = [
    { fact: 'snapshot', value: `of ${snapshot.incarnation}`, ageMs: age(now, snapshotAt) },
    { fact: 'turn', value: turn, ageMs: age(now, time(turnSince)) },
  ];
  // The default needs no word.
  const { permissionMode = 'acceptEdits' } = snapshot;
  if (permissionMode !== 'acceptEdits') found.push({ fact: 'permission mode', value: permissionMode, ageMs: null });
  for (const { task, attempt, phase, since } of tasks) {
    found.push({ fact: 'task', value: `${task} attempt ${attempt}: ${phase}`, ageMs: age(now, time(since)) });
  }
  for (const { kind, text, since } of needsYou)
    found.push({ fact: 'needs you', value: `${kind}: ${text}`, ageMs: age(now, time(since)) });
  found.push(...activityEvidence(snapshot, now));
  if (lastProgressAt !== null)
    found.push({ fact: 'last progress', value: lastProgressAt, ageMs: age(now, time(lastProgressAt)) });
  if (held !== null) found.push({ fact: 'held', value: withDetail(held.kind, held.detail), ageMs: null });
  if (paused) found.push({ fact: 'paused', value: 'yes', ageMs: null });
  if (failure !== null) found.push({ fact: 'failure', value: failure, ageMs: null });
  if (lastExit !== null) found.push({ fact: 'last exit', value: lastExit.detail, ageMs: age(now, time(lastExit.at)) });
  return found;
}

function activityEvidence({ activity }: WrapperSnapshot, now: number): Evidence[] {
  if (activity === undefined) return [];
  const { hook, tool, repeat, apiAt, advancedAt } = activity;
  const found: Evidence[] = [];
  if (hook !== null) found.push({ fact: 'last hook', value: hook.name, ageMs: age(now, time(hook.at)) });
  if (tool !== null) found.push({ fact: 'tool', value: tool.text, ageMs: age(now, time(tool.since)) });
  if (apiAt !== null) found.push({ fact: 'last answer of the API', value: apiAt, ageMs: age(now, time(apiAt)) });
  if (advancedAt !== null) found.push({ fact: 'last new step', value: advancedAt, ageMs: age(now, time(advancedAt)) });
  if (repeat !== null)
    found.push({ fact: 'repeats', value: `${repeat.rounds} times: ${repeat.text}`, ageMs: age(now, time(repeat.at)) });
  return found;
}

function signsEvidence(
  { transcriptAt, work, answerAt = null, screen, person, stopped, session, use }: Signs,
  now: number,
): Evidence[] {
  const found: Evidence[] = [];
  if (transcriptAt !== null) found.push({ fact: 'transcript or output', value: 'grew', ageMs: age(now, transcriptAt) });
  if (work !== null) {
    found.push({ fact: 'commands', value: `${work.count}: ${work.names}`, ageMs: age(now, work.since) });
    const value = work.activeAt === null ? 'never seen to do anything' : 'used the processor, read or wrote';
    found.push({ fact: 'commands', value, ageMs: age(now, work.activeAt) });
  }
  if (answerAt !== null) found.push({ fact: 'answer of the API', value: 'came in', ageMs: age(now, answerAt) });
  if (stopped !== null) found.push({ fact: 'stopped', value: stopped, ageMs: null });
  if (session !== null) {
    const value = withDetail(session.status, session.waitsFor ?? null);
    found.push({ fact: 'session file', value, ageMs: age(now, session.at) });
  }
  if (screen !== null)
    found.push({ fact: 'screen', value: `${screen.kind}: ${screen.text}`, ageMs: age(now, screen.at) });
  if (person.attached) found.push({ fact: 'a person looks', value: 'last key', ageMs: age(now, person.lastKeyAt) });
  if (use !== null) {
    const value = `${use.processes}, ${use.cpuPercent.toFixed(1)} % of a core, ${formatSize(use.rssBytes)}`;
    found.push({ fact: 'processes', value, ageMs: 0 });
  }
  return found;
}

export function describePane(pane: PaneState): string {
  if (!pane.exists) return 'there is none';
  if (!pane.dead) return `alive, pid ${pane.pid ?? 'unknown'}`;
  if (pane.signal !== null) return `dead by signal ${pane.signal}`;
  return pane.status === null ? 'dead' : `dead with exit code ${pane.status}`;
}

/** Epoch ms of an ISO time; null when it is none. */
export function time(iso: string | null): number | null {
  const at = iso === null ? Number.NaN : Date.parse(iso);
  return Number.isNaN(at) ? null : at;
}

/** Age of a time, never negative: the clocks of two processes may differ by a little. */
function age(now: number, at: number | null): number | null {
  return at === null ? null : Math.max(0, now - at);
}

function withDetail(value: string, detail: string | null): string {
  return detail === null || detail === '' ? value : `${value}: ${detail}`;
}
