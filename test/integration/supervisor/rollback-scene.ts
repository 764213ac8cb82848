import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transcriptPath } from '../../../src/claude/transcript.ts';
import { projectLayout, type ProjectLayout } from '../../../src/domain/layout.ts';
import { TaskEngine } from '../../../src/scheduler/engine.ts';
import { Store } from '../../../src/store/store.ts';
import { Conversations } from '../../../src/supervisor/history/conversations.ts';
import type { Fleet } from '../../../src/supervisor/fleet/fleet.ts';
import { Rollbacks, type RollbacksDeps } from '../../../src/supervisor/history/rollbacks.ts';
import { events, record, roster, silentLog, type AnyRecord } from '../../unit/supervisor/kit.ts';

export const SESSION = '11111111-1111-4111-8111-111111111111';

export interface Desk {
  layout: ProjectLayout;
  store: Store;
  engine: TaskEngine;
  rollbacks: Rollbacks;
  agent: AnyRecord;
  /** Transcript of SESSION, to which lines are added. */
  transcript: string;
}

/** The supervisor's part for rollbacks, over the store on disk; its agent is stopped whenever that is ordered. */
export async function openDesk(
  home: string,
  wrap: (deps: RollbacksDeps) => RollbacksDeps = (deps) => deps,
): Promise<Desk> {
  const root = path.join(home, 'repo');
  const env = { HOME: home };
  const layout = projectLayout({ gitCommonDir: path.join(root, '.git'), root, env, uid: 0, tmpdir: home });
  mkdirSync(layout.stateDir, { recursive: true });
  const store = Store.open({ path: layout.db, lockPath: layout.lockDb });
  const engine = new TaskEngine({
    store,
    onError: (error) => {
      throw error;
    },
  });
  const known = store.agents.get('worker-1');
  const made = record('worker-1', { sessionId: known?.sessionId ?? SESSION });
  const agent = Object.assign(made, { worktree: path.join(layout.worktreesDir, 'worker-1') });
  const keeper = roster(store);
  if (known === undefined) await keeper.save(agent);
  const rollbacks = new Rollbacks(
    wrap({
      log: silentLog,
      layout,
      store,
      fleet: {
        whileStopped: (_of: AnyRecord, _leases: string, work: () => Promise<unknown>) => work(),
      } as unknown as Fleet,
      events: events().log,
      limits: { maxFileBytes: 1_000_000 },
      conversations: new Conversations(() => env),
      engine,
      roster: keeper,
    }),
  );
  return { layout, store, engine, rollbacks, agent, transcript: transcriptPath(env, agent.worktree, SESSION) };
}

/** A conversation of so many lines, each by its number: `line-1` … */
export function writeTranscript(file: string, lines: number): void {
  const texts = Array.from({ length: lines }, (_, index) =>
    JSON.stringify({
      type: index % 2 === 0 ? 'user' : 'assistant',
      uuid: `line-${index + 1}`,
      parentUuid: index === 0 ? null : `line-${index}`,
      sessionId: SESSION,
      message: { role: index % 2 === 0 ? 'user' : 'assistant', content: `words ${index + 1}` },
    }),
  );
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${texts.join('\n')}\n`);
}
