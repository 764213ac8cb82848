import type { Checkpoint } from '../../checkpoint/tree/types.ts';
import type { Order } from '../../coordination/link.ts';
import type { Rung } from '../../domain/ladder.ts';
import { worktreeGitDir } from '../../git/repository/operations.ts';
import { forgetSession } from '../../git/worktree/worktree-task.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Roster } from '../fleet/roster.ts';
import type { StopPurpose } from '../fleet/pane-command.ts';
import type { Why } from './ladder.ts';
import type { ReversibleWork } from '../history/reversible-work.ts';

export interface LadderSteps {
  fleet: Fleet;
  engine: TaskEngine;
  works: ReversibleWork;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  roster: Pick<Roster, 'converses' | 'restarted' | 'save'>;
  another(record: AgentRecord): string | null;
  now(): number;
}

/** Time limit of an order, ms: an interruption ends processes, which get their grace. */
const ORDER_TIMEOUT_MS = 30_000;
/** Reasons of checkpoints that hold the files after a failure, not before it. */
const NOT_GOOD = /^(crash|stop|before-restart|stuck|before rollback)/;

/** Carries out one rung. */
export async function takeRung(steps: LadderSteps, rung: Rung, record: AgentRecord, why: Why): Promise<void> {
  const { id } = record;
  switch (rung) {
    case 'note':
      return;
    case 'nudge':
      await steps.order(id, { do: 'nudge', text: nudgeText(why) }, ORDER_TIMEOUT_MS);
      return;
    case 'interrupt': {
      const what = interruptWhat(why);
      await steps.order(id, { do: 'interrupt', what, reason: reasonText(why) }, ORDER_TIMEOUT_MS);
      return;
    }
    case 'restart':
      return await restart(steps, record, why);
    case 'rollback':
      return await rollBack(steps, record, why);
    case 'reassign':
      return await reassign(steps, record, why);
    case 'fail':
      return await fail(steps, record, why);
  }
}

/** What is interrupted. A hanging command is the trouble itself; in any other trouble the turn is. */
export function interruptWhat({ cause }: Pick<Why, 'cause'>): 'command' | 'turn' {
  return cause === 'hang-command' || cause === 'long-command' || cause === 'processes' ? 'command' : 'turn';
}

export function nudgeText({ cause, text }: Why): string {
  const what =
    cause === 'loop'
      ? 'You repeat yourself and nothing comes of it. Do it another way; if it cannot be done, call fail_task with the reason; if only a person can help, call ask_person.'
      : 'Nothing seems to go on. Finish what you do, or do it another way.';
  return `A word from swarm, which watches over you: ${text}. ${what}`;
}

/** The reason in the agent's prompt, in brackets after "You were interrupted". */
export function reasonText({ cause, text }: Why): string {
  return cause === 'loop' ? `${text}; do it another way now` : text;
}

function purposeOf({ text }: Why): StopPurpose {
  return { name: `being stuck: ${text}`, leases: 'left' };
}

/**
 * The newest checkpoint of this task from before the trouble, without those of failures. Pure.
 * @param before epoch ms
 */
export function lastGood(all: readonly Checkpoint[], task: string, before: number): Checkpoint | null {
  const good = all.filter((one) => one.task === task && Date.parse(one.at) <= before && !NOT_GOOD.test(one.reason));
  return good.toSorted((a, b) => a.n - b.n).at(-1) ?? null;
}

/** Takes a checkpoint of the agent's state at its end, with the reason `stuck`. */
async function keepStuck({ works }: LadderSteps, record: AgentRecord): Promise<void> {
  await works.keep(record, 'stuck');
}

/** Ends everything of the agent, also a wrapper that does not answer; the same task and conversation go on. */
async function restart(steps: LadderSteps, record: AgentRecord, why: Why): Promise<void> {
  const { fleet, engine, roster } = steps;
  await fleet.whileStopped(record, purposeOf(why), async () => {
    await keepStuck(steps, record);
    const reason = `${reasonText(why)}; all that you had started was ended`;
    await engine.putBack(record.id, { worktree: 'as-it-is', reason });
    await roster.restarted(record);
  });
}

async function rollBack(steps: LadderSteps, record: AgentRecord, why: Why): Promise<void> {
  const { fleet, engine, works, roster } = steps;
  const reason = `it was stuck (${why.text})`;
  const task = record.observed.snapshot?.tasks[0]?.task ?? '';
  const good = lastGood(await works.rollbacks.storeOf(record).list(), task, why.since);
  if (good !== null) {
    const said = `${reason}, and the files were set back to checkpoint ${good.n}, from before that; do it another way`;
    await works.rollBack(record, good.n, { filesOnly: false, hold: false, why: said });
  } else {
    await fleet.whileStopped(record, purposeOf(why), async () => {
      await keepStuck(steps, record);
      roster.converses(record, null);
      await forgetSession(worktreeGitDir(record.worktree));
      await engine.putBack(record.id, { worktree: 'as-it-is', sessionId: null, reason });
    });
  }
  await roster.restarted(record);
}

async function reassign(steps: LadderSteps, record: AgentRecord, why: Why): Promise<void> {
  const { fleet, engine, another, roster } = steps;
  await fleet.whileStopped(record, purposeOf(why), async () => {
    const to = another(record);
    await keepStuck(steps, record);
    roster.converses(record, null);
    await engine.passOn(record.id, to ?? record.id, `stuck: ${why.text}`);
    await roster.restarted(record);
  });
}

/** The last rung: the attempt counts as failed, and the agent rests until a person has acted. */
async function fail(steps: LadderSteps, record: AgentRecord, why: Why): Promise<void> {
  const { fleet, engine, now, roster } = steps;
  const detail = `stuck, and nothing helped: ${why.text}`;
  await fleet.whileStopped(
    record,
    purposeOf(why),
    async () => {
      await keepStuck(steps, record);
      roster.converses(record, null);
      await engine.failHeld(record.id, detail);
      await roster.save(record);
    },
    () => ({ phase: 'failed', since: now(), detail }),
  );
}
